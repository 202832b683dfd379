{{ config(materialized='view') }}

{% if footpath.setting('manifest') == 'raw' %}
select
    batch_id,
    source,
    file,
    sha256,
    loaded_at,
    state,
    raw_rows
from {{ source('raw', 'files') }}
where state in ('admitted', 'held', 'replaced')
{% else %}
-- No manifest of its own: the rows say which batches there are. One column of one value a batch is read.
select
    batch_id,
    min(source) as source,
    min(file) as file,
    cast(null as varchar) as sha256,
    min(loaded_at) as loaded_at,
    'admitted' as state,
    count(*) as raw_rows
from (
    {% for name in footpath.setting('inputs') %}
    select batch_id, source, file, loaded_at from {{ ref(name) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
) as inputs
group by batch_id
{% endif %}
