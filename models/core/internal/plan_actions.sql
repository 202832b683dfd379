{{ config(enabled=footpath.setting('manifest') == 'raw', materialized='table') }}

-- depends_on: {{ ref('load_plan') }}
-- What the tracking plan does to the rows of this run: one row for each raw row that breaks a rule of an event whose
-- violations have consequences (on_violation). Without such an event nothing is read.
with verdicts as (

    {{ footpath.acting_verdicts(
        "batch_id in (select plan.batch_id from " ~ ref('load_plan') ~ " as plan where plan.step = 'add')"
    ) | indent(4) }}

)

select
    batch_id,
    line,
    on_violation = 'quarantine' as is_quarantined,
    {{ dbt.listagg("property || ': ' || verdict", "'; '", 'order by property, verdict') | trim }} as detail,
    case
        when on_violation = 'drop' then {{ footpath.json_object_without(
            'properties', "case when verdict <> 'missing_property' then property end"
        ) }}
    end as kept_properties
from verdicts
group by batch_id, line, on_violation
