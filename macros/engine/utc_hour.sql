{# The UTC hour of a moment in microseconds, as text like '2026-07-04T14'. #}
{% macro utc_hour(event_us) -%}
    {{ return(adapter.dispatch('utc_hour', 'feedtrial')(event_us)) }}
{%- endmacro %}

{% macro duckdb__utc_hour(event_us) -%}
    strftime(make_timestamp({{ event_us }}), '%Y-%m-%dT%H')
{%- endmacro %}

{% macro default__utc_hour(event_us) -%}
    date_format(from_unixtime_nanos({{ event_us }} * 1000) at time zone 'UTC', '%Y-%m-%dT%H')
{%- endmacro %}
