{{ config(enabled=footpath.is_input('stg_unreadable__lines')) }}

with lines as (

    select * from {{ source('raw', 'unreadable') }}

),

files as (

    select * from {{ source('raw', 'files') }}

)

select
    {{ footpath.canonical_select({
        'source': 'lines.source',
        'batch_id': 'lines.batch_id',
        'file': 'lines.file',
        'line': 'lines.line',
        'loaded_at': 'files.loaded_at',
        'unreadable_reason': 'lines.reason',
        'record': 'lines.raw'
    }) }}
from lines
inner join files on lines.batch_id = files.batch_id
where files.state in ('pending', 'admitted')
