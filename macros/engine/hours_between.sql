{# The beginning of every UTC hour from one moment to another, microseconds UTC: a query of one column, hour_us. #}
{% macro hours_between(from_us, to_us) -%}
    {{ return(adapter.dispatch('hours_between', 'feedtrial')(from_us, to_us)) }}
{%- endmacro %}

{% macro duckdb__hours_between(from_us, to_us) -%}
    select unnest(generate_series({{ from_us }} // 3600000000 * 3600000000, {{ to_us }}, 3600000000)) as hour_us
{%- endmacro %}

{% macro default__hours_between(from_us, to_us) -%}
    select hour_us from unnest(sequence({{ from_us }} / 3600000000 * 3600000000, {{ to_us }}, 3600000000)) as hours (hour_us)
{%- endmacro %}
