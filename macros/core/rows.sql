{#- The columns of an event that its sender decided: two rows are the same content when these are the same. -#}
{% macro content_columns() %}
    {% do return([
        'source', 'event_type', 'event_name', 'event_at', 'received_at', 'sent_at', 'original_timestamp',
        'event_order', 'device_namespace', 'user_namespace', 'anonymous_id', 'user_id', 'previous_id', 'group_id',
        'client_session_id', 'is_bot', 'page_url', 'page_path', 'page_host', 'page_title', 'page_name', 'referrer',
        'referrer_host', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content', 'click_id_type',
        'user_agent', 'app_version', 'locale', 'properties', 'traits'
    ]) %}
{% endmacro %}


{#- What was sent and is otherwise now, by the tracking plan: a renamed event, properties of which some were dropped. -#}
{% macro sent_columns() %}
    {% do return(['sent_event_name', 'sent_properties']) %}
{% endmacro %}


{#- One hash over the content. -#}
{% macro content_hash() -%}
    {{ footpath.values_hash(footpath.content_columns() + footpath.sent_columns()) }}
{%- endmacro %}


{#- One hash over the values of some columns; null and the empty text differ. -#}
{% macro values_hash(columns) -%}
    md5(concat_ws(
        chr(31),
        {%- for column in columns %}
        coalesce(cast({{ column }} as varchar), chr(30)){{ ',' if not loop.last }}
        {%- endfor %}
    ))
{%- endmacro %}


{#- What is known of a user agent, from the model user_agents. -#}
{% macro user_agent_columns() %}
    {% do return(['browser', 'browser_version', 'operating_system', 'device_type']) %}
{% endmacro %}


{#- The columns that a staged row brings into event_rows as they are. -#}
{% macro row_columns() %}
    {% do return([
        'event_key', 'device_key', 'user_key', 'batch_id', 'file', 'line', 'event_id', 'has_own_id',
        'quarantine_reason', 'available_at', 'makes_session'
    ] + footpath.content_columns() | reject('equalto', 'is_bot') | list + footpath.sent_columns()) %}
{% endmacro %}


{#- When a staged row happened. The client's clock may be wrong, the distance between its two stamps is not. -#}
{% macro corrected_time() -%}
    case
        when
            received_at is not null
            and sent_at is not null
            and original_timestamp is not null
            and not coalesce(time_is_corrected, event_at <> original_timestamp, false)
            then received_at - (sent_at - original_timestamp)
        else coalesce(event_at, received_at)
    end
{%- endmacro %}


{#- Why a staged row cannot become an event, null when it can. `given_at` is the time as its source gave it. -#}
{% macro quarantine_reason() -%}
    case
        when unreadable_reason is not null then unreadable_reason
        when strlen(record) > {{ footpath.setting('max_event_bytes') }} then 'too_large'
        when event_at_text is not null and given_at is null then 'unparsable_time'
        when event_at is null then 'missing_time'
        when event_name is null then 'missing_event_name'
        when event_at > {{ footpath.add_seconds('available_at', footpath.setting('future_tolerance')) }}
            then 'time_in_future'
        when event_at < timestamp '{{ footpath.setting('earliest_plausible_event_at') }}' then 'time_too_early'
        when breaks_plan then 'plan_violation'
        when is_discarded then 'discarded'
    end
{%- endmacro %}
