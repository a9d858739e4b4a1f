{# A percentile of a number over a group: exact on DuckDB, approximate on Trino. `share` is from 0 to 1. #}
{% macro percentile(expression, share) -%}
    {{ return(adapter.dispatch('percentile', 'feedtrial')(expression, share)) }}
{%- endmacro %}

{% macro duckdb__percentile(expression, share) -%}
    quantile_cont({{ expression }}, {{ share }})
{%- endmacro %}

{% macro trino__percentile(expression, share) -%}
    approx_percentile({{ expression }}, {{ share }})
{%- endmacro %}
