{#-
    Where a visit came from: (source, medium, campaign) and its channel.

    The category of a source is a join, so a model takes three steps:

        with clicks as (
            select *,
                {{ footpath.click_source('page_url') }} as click_source,
                {{ footpath.referrer_source('referrer_host', 'page_host', 'page_url') }} as referrer_source
            from page_views
        ),
        sources as (
            select *,
                {{ footpath.traffic_source('utm_source', 'utm_medium', 'click_source', 'referrer_source') }} as source
            from clicks
        ),
        media as (
            select sources.*, categories.category as source_category,
                {{ footpath.traffic_medium('utm_source', 'utm_medium', 'click_source', 'referrer_source', 'categories.category') }} as medium
            from sources
            left join {{ ref('traffic_source_categories') }} as categories on sources.source = categories.source
        )
        select *, {{ footpath.default_channel_group('source', 'medium', 'utm_campaign', 'source_category') }} as channel
        from media

    The campaign is utm_campaign itself. Patterns have no backslashes, which engines escape differently.
-#}

{#- A tag's value in lower case; null when it is missing or blank. -#}
{%- macro tag_value(text) -%}
nullif(lower(trim({{ text }})), '')
{%- endmacro -%}


{#- A host without the prefixes that sites use for the same pages: www, mobile (m) and link shims (l, lm). -#}
{%- macro bare_host(host) -%}
{%- set host = footpath.tag_value(host) -%}
case
    when {{ host }} like 'www.%' then substr({{ host }}, 5)
    when {{ host }} like 'lm.%' then substr({{ host }}, 4)
    when {{ host }} like 'm.%' or {{ host }} like 'l.%' then substr({{ host }}, 3)
    else {{ host }}
end
{%- endmacro -%}


{#- The name of a well-known site at any of its country domains (www.google.de is google), else the bare host. -#}
{%- macro source_of_host(host) -%}
{%- set bare_host = footpath.bare_host(host) -%}
{%- set domain = '[.][a-z]{2,3}([.][a-z]{2})?$' -%}
{#- Only the search pages of a site with many services: docs.google.com is no search engine. -#}
{%- set sites = {
    'google': '^google' ~ domain,
    'bing': '^([a-z]{2}[.])?bing' ~ domain,
    'yahoo': '^(([a-z]+[.])?search[.])?yahoo' ~ domain,
    'duckduckgo': '^((html|lite|start)[.])?duckduckgo' ~ domain,
    'yandex': '^(yandex' ~ domain ~ '|ya[.]ru$)',
    'baidu': '^baidu' ~ domain,
    'ecosia': '^ecosia' ~ domain,
    'naver': '^(search[.])?naver[.]com$',
    'amazon': '^amazon' ~ domain,
    'ebay': '^ebay' ~ domain,
    'facebook': '^((.+[.])?facebook[.]com|fb[.](com|me))$',
    'instagram': '^(.+[.])?instagram[.]com$',
    'linkedin': '^((.+[.])?linkedin[.]com|lnkd[.]in)$',
    'pinterest': '^(([a-z]{2}[.])?pinterest' ~ domain ~ '|pin[.]it$)',
    'reddit': '^(.+[.])?reddit[.]com$',
    'tiktok': '^(.+[.])?tiktok[.]com$',
    'twitter': '^((mobile[.])?twitter[.]com|x[.]com|t[.]co)$',
    'youtube': '^((.+[.])?youtube[.]com|youtu[.]be)$',
} -%}
case
{%- for site, pattern in sites.items() %}
    when {{ footpath.regex_matches(bare_host, pattern) }} then '{{ site }}'
{%- endfor %}
    else {{ bare_host }}
end
{%- endmacro -%}


{#- The network whose paid click id the landing page carries, else null. Their medium is always cpc. -#}
{%- macro click_source(page_url) -%}
{%- set networks = {
    'google': 'gclid|gbraid|wbraid|dclid',
    'bing': 'msclkid',
    'tiktok': 'ttclid',
    'twitter': 'twclid',
    'linkedin': 'li_fat_id',
    'snapchat': 'sccid',
    'reddit': 'rdt_cid',
    'yandex': 'yclid',
} -%}
case
{%- for network, parameters in networks.items() %}
    when {{ footpath.regex_matches('lower(' ~ page_url ~ ')', '[?&](' ~ parameters ~ ')=[^&#]') }} then '{{ network }}'
{%- endfor %}
end
{%- endmacro -%}


{#-
    The source named by a referrer from another site. Without one, a fbclid tells that the link was shared on Facebook:
    Facebook adds it to every outbound link, so it says nothing about payment. Null when the visit is direct.
-#}
{%- macro referrer_source(referrer_host, page_host, page_url) -%}
case
    when {{ footpath.bare_host(referrer_host) }} <> coalesce({{ footpath.bare_host(page_host) }}, '')
        then {{ footpath.source_of_host(referrer_host) }}
    when {{ footpath.regex_matches('lower(' ~ page_url ~ ')', '[?&]fbclid=[^&#]') }} then 'facebook'
end
{%- endmacro -%}


{#- The source: utm tags win, then click ids, then the referrer. A tagged link that names no source is (not set). -#}
{%- macro traffic_source(utm_source, utm_medium, click_source, referrer_source) -%}
coalesce(
    {{ footpath.tag_value(utm_source) }},
    {{ click_source }},
    case when {{ footpath.tag_value(utm_medium) }} is not null then '(not set)' end,
    {{ referrer_source }},
    '(direct)'
)
{%- endmacro -%}


{#- The medium that belongs to traffic_source; source_category is the category of that source. -#}
{%- macro traffic_medium(utm_source, utm_medium, click_source, referrer_source, source_category) -%}
coalesce(
    {{ footpath.tag_value(utm_medium) }},
    case
        when {{ click_source }} is not null then 'cpc'
        when {{ footpath.tag_value(utm_source) }} is not null then '(not set)'
        when {{ referrer_source }} is null then '(none)'
        when {{ source_category }} = 'search' then 'organic'
        when {{ source_category }} = 'ai_assistant' then 'ai-assistant'
        else 'referral'
    end
)
{%- endmacro -%}


{#-
    Google's default channel group for manual traffic, in Google's order and words; matching ignores case.
    https://support.google.com/analytics/answer/9756891
-#}
{%- macro default_channel_group(source, medium, campaign, source_category) -%}
{%- set source = "coalesce(" ~ footpath.tag_value(source) ~ ", '')" -%}
{%- set medium = "coalesce(" ~ footpath.tag_value(medium) ~ ", '')" -%}
{%- set campaign = "coalesce(" ~ footpath.tag_value(campaign) ~ ", '')" -%}
{%- set is_paid = footpath.regex_matches(medium, '^(.*cp.*|ppc|retargeting|paid.*)$') -%}
{%- set is_shopping_campaign = footpath.regex_matches(campaign, '^(.*(([^a-df-z]|^)shop|shopping).*)$') -%}
case
    -- Source exactly matches "(direct)" and medium is one of "(not set)", "(none)"; nothing known is direct too
    when {{ source }} in ('', '(direct)') and {{ medium }} in ('', '(not set)', '(none)') then 'Direct'
    -- Campaign name contains "cross-network"
    when {{ campaign }} like '%cross-network%' then 'Cross-network'
    -- (Source matches a list of shopping sites or campaign name matches the shopping regex) and medium is paid
    when ({{ source_category }} = 'shopping' or {{ is_shopping_campaign }}) and {{ is_paid }} then 'Paid Shopping'
    -- Source matches a list of search sites and medium is paid
    when {{ source_category }} = 'search' and {{ is_paid }} then 'Paid Search'
    -- Source matches a list of social sites and medium is paid
    when {{ source_category }} = 'social' and {{ is_paid }} then 'Paid Social'
    -- Source matches a list of video sites and medium is paid
    when {{ source_category }} = 'video' and {{ is_paid }} then 'Paid Video'
    -- Medium is one of "display", "banner", "expandable", "interstitial", "cpm"
    when {{ medium }} in ('display', 'banner', 'expandable', 'interstitial', 'cpm') then 'Display'
    -- Medium is paid: matches ^(.*cp.*|ppc|retargeting|paid.*)$
    when {{ is_paid }} then 'Paid Other'
    -- Source matches a list of shopping sites or campaign name matches ^(.*(([^a-df-z]|^)shop|shopping).*)$
    when {{ source_category }} = 'shopping' or {{ is_shopping_campaign }} then 'Organic Shopping'
    -- Source matches a list of social sites or medium is one of the social words
    when {{ source_category }} = 'social'
        or {{ medium }} in ('social', 'social-network', 'social-media', 'sm', 'social network', 'social media')
        then 'Organic Social'
    -- Source matches a list of video sites or medium matches ^(.*video.*)$
    when {{ source_category }} = 'video' or {{ medium }} like '%video%' then 'Organic Video'
    -- Source matches a list of search sites or medium exactly matches "organic"
    when {{ source_category }} = 'search' or {{ medium }} = 'organic' then 'Organic Search'
    -- Medium is "ai-assistant", which Google gives to recognised assistants; the list (ours) also catches tagged links
    when {{ source_category }} = 'ai_assistant' or {{ medium }} = 'ai-assistant' then 'AI Assistant'
    -- Medium is one of "referral", "app", "link"
    when {{ medium }} in ('referral', 'app', 'link') then 'Referral'
    -- Source or medium is one of "email", "e-mail", "e_mail", "e mail"
    when {{ source }} in ('email', 'e-mail', 'e_mail', 'e mail')
        or {{ medium }} in ('email', 'e-mail', 'e_mail', 'e mail')
        then 'Email'
    -- Medium is "affiliate"
    when {{ medium }} = 'affiliate' then 'Affiliates'
    -- Medium exactly matches "audio"
    when {{ medium }} = 'audio' then 'Audio'
    -- Source or medium exactly matches "sms"
    when {{ source }} = 'sms' or {{ medium }} = 'sms' then 'SMS'
    -- Medium ends with "push" or contains "mobile" or "notification", or source exactly matches "firebase"
    when {{ medium }} like '%push' or {{ medium }} like '%mobile%' or {{ medium }} like '%notification%'
        or {{ source }} = 'firebase'
        then 'Mobile Push Notifications'
    else 'Unassigned'
end
{%- endmacro -%}
