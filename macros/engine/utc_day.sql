{# The UTC day of a moment in microseconds, as text like '2026-07-04'. #}
{% macro utc_day(event_us) -%}
    {{ return(adapter.dispatch('utc_day', 'feedtrial')(event_us)) }}
{%- endmacro %}

{% macro duckdb__utc_day(event_us) -%}
    strftime(make_timestamp({{ event_us }}), '%Y-%m-%d')
{%- endmacro %}

{% macro default__utc_day(event_us) -%}
    date_format(from_unixtime_nanos({{ event_us }} * 1000) at time zone 'UTC', '%Y-%m-%d')
{%- endmacro %}
