{{ config(meta={'region': 'append'}) }}

-- depends_on: {{ ref('touched_devices') }}
-- depends_on: {{ ref('touched_rows') }}
-- Who had the touched devices until now: kept until the run is complete, because device_spans forgets what it said
-- before.
{% set stored_spans = footpath.stored('device_spans') %}

{% if stored_spans %}
select
    device_key,
    user_key,
    valid_from,
    valid_to
from {{ stored_spans }}
where device_key in (select touched.device_key from {{ ref('touched_devices') }} as touched)
{% else %}
select
    device_key,
    user_key,
    cast(null as timestamp) as valid_from,
    cast(null as timestamp) as valid_to
from {{ ref('touched_rows') }}
where false
{% endif %}
