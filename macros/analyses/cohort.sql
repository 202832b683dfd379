{#-
    A cohort: a select of person_id, of the people who did something in a period, so many times. It is what the other
    analyses take as `people`, and cohort_and, cohort_or and cohort_not make cohorts of cohorts.

        {% set buyers = footpath.cohort('Order Completed', date_from='2026-01-01', date_to='2026-01-31') %}
        {% set lapsed = footpath.cohort_and([buyers, footpath.cohort('Order Completed', 'never', date_from='2026-02-01')]) %}
        {{ footpath.retention('Report Viewed', people=lapsed) }}

    event       an event; none: any event
    criterion   at_least   so many times (criterion_value, default 1)
                at_most    so many times or less; nobody who never did it is left out
                exactly    so many times
                never      not at all
                first      their first one ever is in the period
    date_from, date_to   the period, exactly: an event at either end is in it
    timezone, people, events   see retention; without `events` everybody is who has any event
-#}
{% macro cohort(
    event=none, criterion='at_least', criterion_value=1, date_from=none, date_to=none, timezone=none, people=none,
    events=none
) %}
{%- do footpath.check_argument('cohort', 'criterion', criterion, footpath.criteria().keys() | list + ['never', 'first']) -%}
{%- if criterion_value is not integer or criterion_value < 0 -%}
    {%- do exceptions.raise_compiler_error('cohort: criterion_value takes whole numbers from 0 on; got ' ~ criterion_value) -%}
{%- endif -%}
{%- set definition = footpath.event_definition(event) -%}
{%- set in_period = footpath.in_range('event_at', date_from, date_to, timezone) -%}
{%- set comparison, count = ('=', 0) if criterion == 'never' else (footpath.criteria().get(criterion), criterion_value) -%}
{%- set takes_none = comparison == '<=' or (comparison in ['=', '>='] and count == 0) -%}
{%- if criterion == 'first' -%}
select person_id
from (
    {{ footpath.analysis_events([definition], people=people, events=events) }}
) as matching
group by person_id
having {{ footpath.in_range('min(event_at)', date_from, date_to, timezone) }}
{%- elif takes_none -%}
select everybody.person_id
from (
    select distinct any_events.person_id
    from (
        {{ footpath.analysis_events(people=people, events=events) }}
    ) as any_events
) as everybody
left join (
    select
        person_id,
        count(*) as event_count
    from (
        {{ footpath.analysis_events([definition], people=people, events=events) }}
    ) as matching
    where {{ in_period }}
    group by person_id
) as counted on everybody.person_id = counted.person_id
where coalesce(counted.event_count, 0) {{ comparison }} {{ count }}
{%- else -%}
select person_id
from (
    {{ footpath.analysis_events([definition], people=people, events=events) }}
) as matching
where {{ in_period }}
group by person_id
having count(*) {{ comparison }} {{ count }}
{%- endif -%}
{% endmacro %}


{#- The people who are in all of these cohorts (selects of person_id). -#}
{% macro cohort_and(cohorts) -%}
{%- do footpath.check_cohorts('cohort_and', cohorts) -%}
select distinct person_id
from ({{ cohorts[0] }}) as members
{%- for cohort in cohorts[1:] %}
{{ 'where' if loop.first else 'and' }} person_id in (select also_members.person_id from ({{ cohort }}) as also_members)
{%- endfor %}
{%- endmacro %}


{#- The people who are in any of these cohorts. -#}
{% macro cohort_or(cohorts) -%}
{%- do footpath.check_cohorts('cohort_or', cohorts) -%}
select distinct person_id
from (
    {% for cohort in cohorts -%}
    select members.person_id
    from ({{ cohort }}) as members
    {{ 'union all' if not loop.last }}
    {% endfor %}
) as all_members
{%- endmacro %}


{#- The people who are not in a cohort: of `people` (another cohort), else of everybody who has any event. -#}
{% macro cohort_not(cohort, people=none, events=none) -%}
{%- do footpath.check_cohorts('cohort_not', [cohort]) -%}
select distinct everybody.person_id
from (
    {{ people if people is not none else footpath.analysis_events(events=events) }}
) as everybody
where not exists (
    select 1
    from ({{ cohort }}) as members
    where members.person_id = everybody.person_id
)
{%- endmacro %}


{#- An error, when something else than selects was given. -#}
{% macro check_cohorts(macro_name, cohorts) %}
    {% if cohorts is string or cohorts is not sequence or not cohorts or cohorts | reject('string') | list %}
        {% do exceptions.raise_compiler_error(
            macro_name ~ ' takes selects with person_id, as footpath.cohort gives them; got ' ~ cohorts
        ) %}
    {% endif %}
{% endmacro %}
