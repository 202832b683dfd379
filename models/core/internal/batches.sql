{{ config(materialized='view') }}

{% if footpath.setting('manifest') == 'raw' %}
select
    files.batch_id,
    files.source,
    files.file,
    files.sha256,
    files.loaded_at,
    files.state,
    files.raw_rows,
    files.erased_rows,
    -- Rows that go are a change of the batch: the tables take it in again without them.
    sources.definition
    || case when files.erased_rows > 0 then ' without ' || files.erased_rows else '' end as definition
from {{ source('raw', 'files') }} as files
inner join {{ source('raw', 'sources') }} as sources on files.source = sources.source
where files.state in ('admitted', 'held', 'replaced')
{% else %}
-- No manifest of its own: the rows say which batches there are. Narrow columns of every input row are read. A batch
-- that has another number of rows than before counts as defined anew, so it is taken in again.
select
    batch_id,
    min(source) as source,
    coalesce(min(file), batch_id) as file,
    cast(null as varchar) as sha256,
    min(loaded_at) as loaded_at,
    'admitted' as state,
    count(*) as raw_rows,
    0 as erased_rows,
    cast(count(*) as varchar) as definition
from (
    {% for name in footpath.setting('inputs') %}
    select batch_id, source, file, loaded_at from {{ ref(name) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
) as inputs
group by batch_id
{% endif %}
