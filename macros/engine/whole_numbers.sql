{# The whole numbers from 0 to a last one as a list; empty below 0. #}
{% macro whole_numbers(last) -%}
    {{ return(adapter.dispatch('whole_numbers', 'feedtrial')(last)) }}
{%- endmacro %}

{% macro duckdb__whole_numbers(last) -%}
    generate_series(0, {{ last }})
{%- endmacro %}

{# Trino's counts down where the last one is below the first, and refuses more than 10,000. #}
{% macro default__whole_numbers(last) -%}
    case when {{ last }} >= 0 then sequence(0, {{ last }}) else array[] end
{%- endmacro %}
