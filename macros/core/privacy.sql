{#-
    Personal data ends here: nothing below staged_rows has an address of a machine or an e-mail address in it.
    Free text keeps its words, the address becomes a placeholder; an identifier that is an address becomes a hash
    of it, so that people stay apart.
-#}
{% macro email_pattern() -%}
    [A-Za-z0-9._+-]+(@|%40)[A-Za-z0-9-]+([.][A-Za-z0-9-]+)*[.][A-Za-z]{2,}
{%- endmacro %}

{% macro ip_pattern() -%}
    \b[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}\b
{%- endmacro %}


{#- Three colons at least: a time of day has two. -#}
{% macro ip_v6_pattern() -%}
    [0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){3,7}
{%- endmacro %}


{#- E-mail addresses in a text become [email]. Most texts have no @: they are not searched. -#}
{% macro mask_text(text) -%}
    case
        when contains({{ text }}, '@') or contains({{ text }}, '%40')
            then {{ footpath.regex_replace_all(text, footpath.email_pattern(), '[email]') }}
        else {{ text }}
    end
{%- endmacro %}


{#- An original line, shown in quarantine: e-mail and IP addresses become placeholders. -#}
{% macro mask_raw(text) -%}
    {{ footpath.regex_replace_all(
        footpath.regex_replace_all(footpath.mask_text(text), footpath.ip_pattern(), '[ip]'),
        footpath.ip_v6_pattern(), '[ip]'
    ) }}
{%- endmacro %}


{#- An identifier that has an e-mail address in it, or is an IP address, becomes `email_…` or `ip_…` and a hash of all
    of it in lower case: people stay apart. -#}
{% macro mask_identifier(identifier) -%}
    case
        when (contains({{ identifier }}, '@') or contains({{ identifier }}, '%40'))
            and {{ footpath.regex_matches(identifier, footpath.email_pattern()) }}
            then 'email_' || left(md5(lower({{ identifier }})), 16)
        when {{ footpath.regex_matches(identifier, '^[0-9]{1,3}([.][0-9]{1,3}){3}$') }}
            or {{ footpath.regex_matches(identifier, '^[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){2,7}$') }}
            then 'ip_' || left(md5(lower({{ identifier }})), 16)
        else {{ identifier }}
    end
{%- endmacro %}


{#- In JSON a letter before an address may belong to an escape (\nbob@…): what stands before it is put back whole. -#}
{% macro json_email_pattern() -%}
    (^|[^A-Za-z0-9._+\\-]|\\(?:u[0-9A-Fa-f]{4}|.)){{ footpath.email_pattern() }}
{%- endmacro %}

{#- A text under a key that names the address of a machine. -#}
{% macro json_ip_pattern() -%}
    (?i)("(?:[$]?ip|(?:client|remote|user)?_?ip_?addr(?:ess)?|(?:client|remote|user)_?ip)"\s*:\s*)"(?:[^"\\]|\\.)*"
{%- endmacro %}


{#- JSON that analysts read: under a key that names the address of a machine, at any depth, the value becomes null;
    e-mail addresses are masked. Most values have neither. Should a value not be JSON any more, it is kept as a text. -#}
{% macro mask_json(json) -%}
    {%- set text = 'cast(' ~ json ~ ' as varchar)' -%}
    {%- set masked = footpath.regex_replace_all(
        footpath.regex_replace_all(text, footpath.json_ip_pattern(), '\\1null'),
        footpath.json_email_pattern(), '\\1[email]'
    ) -%}
    case
        when contains({{ text }}, '@') or contains({{ text }}, '%40')
            or {{ footpath.regex_matches(text, '(?i)"[$a-z_]*ip[_a-z]*"') }}
            then coalesce(try(cast({{ masked }} as json)), to_json({{ masked }}))
        else cast({{ json }} as json)
    end
{%- endmacro %}
