{#-
    A select of who gets the credit for conversions: one row per model, conversion and touch with credit.

        {{ footpath.attribution(models=['last', 'linear']) }}

    A touch is the channel of a session of the same person that began at most lookback_seconds before the conversion
    (edge included) and not after it; sessions without a channel are none. Touches are in the order of (started_at,
    session_id). Of a conversion and its value they get:
        first, last        all to the first, the last touch
        last_non_direct    all to the last touch that is not direct, else to the last
        linear             equal parts
        position           40 % to the first, 40 % to the last, 20 % between those in the middle; of two 50 % each
        time_decay         half as much with every half_life_seconds before the conversion
        markov             in proportion to the removal effect of their channels: how much less often people would convert
                           without it, when they move between channels as all people did (by name of conversion)
    Parts are rounded to `scale` decimals; what rounding leaves goes to the last touch, so they add up to exactly one
    conversion and its value. A conversion without a touch is one row with the channel `unattributed`.
-#}
{% macro attribution(
    models=['first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'markov'],
    lookback_seconds=none, half_life_seconds=604800, scale=4, channel='channel', direct='Direct',
    conversions=none, sessions=none, date_from=none, date_to=none, timezone=none, people=none
) %}
{%- set allowed = ['first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'markov'] -%}
{%- if models is string or models is not sequence or not models -%}
    {%- do exceptions.raise_compiler_error('attribution: models is a list of ' ~ allowed | join(', ') ~ '; got ' ~ models) -%}
{%- endif -%}
{%- for model_name in models -%}
    {%- do footpath.check_argument('attribution', 'a model', model_name, allowed) -%}
{%- endfor -%}
{%- set decimal = 'decimal(28, ' ~ scale ~ ')' -%}
{%- set lookback = footpath.setting('attribution_lookback') if lookback_seconds is none else lookback_seconds -%}
{%- if lookback is not number or lookback < 0 -%}
    {%- do exceptions.raise_compiler_error(
        "attribution: lookback_seconds is '" ~ lookback ~ "'. Allowed: seconds, or none for the setting attribution_lookback"
    ) -%}
{%- endif -%}
with all_conversions as (

    select
        event_key,
        person_id,
        event_name,
        cast(value as {{ decimal }}) as value,
        converted_at,
        {{ footpath.in_range('converted_at', date_from, date_to, timezone) }} as is_in_range
    from {{ footpath.relation_or_select(conversions or ref('footpath', 'conversions'), 'given_conversions') }}
    {%- if people is not none %}
    where person_id in (select members.person_id from ({{ people }}) as members)
    {%- endif %}

),

all_touches as (

    select
        person_id,
        session_id,
        {{ channel }} as channel,
        started_at
    from {{ footpath.relation_or_select(sessions or ref('footpath', 'sessions'), 'given_sessions') }}
    where
        {{ channel }} is not null
        {%- if people is not none %}
        and person_id in (select members.person_id from ({{ people }}) as members)
        {%- endif %}

),

touches as (

    select
        conversions.event_key,
        conversions.person_id,
        conversions.event_name,
        conversions.value,
        conversions.converted_at,
        conversions.is_in_range,
        sessions.session_id,
        sessions.channel,
        sessions.started_at,
        row_number() over (
            partition by conversions.event_key order by sessions.started_at asc, sessions.session_id asc
        ) as touch_number,
        count(*) over (partition by conversions.event_key) as touch_count,
        max(sessions.started_at) over (partition by conversions.event_key) as last_started_at
    from all_conversions as conversions
    inner join all_touches as sessions
        on
            conversions.person_id = sessions.person_id
            and conversions.converted_at >= sessions.started_at
            and conversions.converted_at <= {{ footpath.add_seconds('sessions.started_at', lookback) }}

),

{% if 'markov' in models -%}
{{ footpath.attribution_journeys() }}

{% endif -%}
placed as (

    select
        *,
        max(case when channel <> {{ footpath.text_literal(direct) }} then touch_number end)
            over (partition by event_key) as last_non_direct_number
    from touches
    where is_in_range

),

-- Whole numbers: their sums do not depend on the order.
weighted as (

    {% for model_name in models | unique -%}
    select
        {{ footpath.text_literal(model_name) }} as model,
        placed.event_key,
        placed.person_id,
        placed.event_name,
        placed.value,
        placed.converted_at,
        placed.session_id,
        placed.channel,
        placed.touch_number,
        placed.touch_count,
        {% if model_name == 'first' -%}
        case when placed.touch_number = 1 then 1 else 0 end
        {%- elif model_name == 'last' -%}
        case when placed.touch_number = placed.touch_count then 1 else 0 end
        {%- elif model_name == 'last_non_direct' -%}
        case when placed.touch_number = coalesce(placed.last_non_direct_number, placed.touch_count) then 1 else 0 end
        {%- elif model_name == 'linear' -%}
        1
        {%- elif model_name == 'position' -%}
        case
            when placed.touch_count > 2 and placed.touch_number in (1, placed.touch_count)
                then 2 * (placed.touch_count - 2)
            else 1
        end
        {%- elif model_name == 'time_decay' -%}
        {# Seen from the last touch: the same proportions, and never nothing at all. -#}
        cast(round(1000000000 * power(
            2.0,
            -cast({{ footpath.seconds_between('placed.started_at', 'placed.last_started_at') }} as double precision)
            / {{ half_life_seconds }}
        )) as bigint)
        {%- else -%}
        coalesce(effects.removal_effect, 0)
        {%- endif %} as weight
    from placed
    {%- if model_name == 'markov' %}
    left join effects on placed.event_name = effects.process and placed.channel = effects.state
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

totals as (

    select
        *,
        sum(weight) over (partition by model, event_key) as total_weight
    from weighted

),

rounded as (

    select
        *,
        case
            when weight = total_weight then 1
            else coalesce(cast(round(
                cast(weight as double precision) / nullif(total_weight, 0), {{ scale }}
            ) as {{ decimal }}), 0)
        end as conversion_part,
        case
            when value is null or weight = total_weight then value
            else coalesce(cast(round(
                cast(value as double precision) * weight / nullif(total_weight, 0), {{ scale }}
            ) as {{ decimal }}), 0)
        end as value_part
    from totals

),

credited as (

    select
        model,
        event_key,
        person_id,
        event_name,
        session_id,
        channel,
        touch_number,
        touch_count,
        weight,
        cast(conversion_part + case
            when touch_number = touch_count then 1 - sum(conversion_part) over (partition by model, event_key) else 0
        end as {{ decimal }}) as conversion_credit,
        cast(value_part + case
            when touch_number = touch_count then value - sum(value_part) over (partition by model, event_key) else 0
        end as {{ decimal }}) as value_credit,
        converted_at
    from rounded

)

select
    model,
    event_key,
    person_id,
    event_name,
    session_id,
    channel,
    touch_number,
    touch_count,
    conversion_credit,
    value_credit,
    converted_at
from credited
where
    weight > 0
    or conversion_credit <> 0
    or value_credit <> 0
{% for model_name in models | unique -%}
union all
select
    {{ footpath.text_literal(model_name) }} as model,
    conversions.event_key,
    conversions.person_id,
    conversions.event_name,
    null as session_id,
    'unattributed' as channel,
    null as touch_number,
    0 as touch_count,
    cast(1 as {{ decimal }}) as conversion_credit,
    conversions.value as value_credit,
    conversions.converted_at
from all_conversions as conversions
left join placed on conversions.event_key = placed.event_key
where
    conversions.is_in_range
    and placed.event_key is null
{% endfor -%}
{% endmacro %}


{#-
    CTEs for the model markov, up to `effects`. People move between channels: from the beginning to the channel of the
    first touch of a conversion and on to the last one, which leads to the conversion. A person's sessions that are
    touches of no conversion of that name lead to none, one after the other. Staying in a channel is no move.
-#}
{% macro attribution_journeys() -%}
conversion_names as (

    select distinct event_name
    from all_conversions

),

journey_touches as (

    select
        event_name as process,
        cast(event_key as varchar) as journey,
        1 as is_success,
        channel,
        started_at,
        session_id
    from touches
    union all
    select
        names.event_name as process,
        'person ' || cast(sessions.person_id as varchar) as journey,
        0 as is_success,
        sessions.channel,
        sessions.started_at,
        sessions.session_id
    from all_touches as sessions
    cross join conversion_names as names
    left join touches on sessions.session_id = touches.session_id and names.event_name = touches.event_name
    where touches.session_id is null

),

moves as (

    select
        process,
        is_success,
        channel,
        lag(channel) over (
            partition by process, journey, is_success order by started_at asc, session_id asc
        ) as previous_channel,
        lead(channel) over (
            partition by process, journey, is_success order by started_at asc, session_id asc
        ) as next_channel
    from journey_touches

),

transitions as (

    select
        process,
        cast(null as varchar) as source,
        channel as target,
        0 as is_success
    from moves
    where previous_channel is null
    union all
    select
        process,
        channel as source,
        next_channel as target,
        case when next_channel is null then is_success else 0 end as is_success
    from moves
    where
        next_channel is null
        or next_channel <> channel

),

counted_transitions as (

    select
        process,
        source,
        target,
        is_success,
        count(*) as transition_count
    from transitions
    group by process, source, target, is_success

),

effects as (

    {{ footpath.removal_effects('counted_transitions') | indent(4) }}

),
{%- endmacro %}
