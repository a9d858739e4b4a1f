{#
  What an expression is in the row with the greatest key, or the least: null where it is null there. (DuckDB's max_by()
  and min_by() pass over rows whose value is null, and so would answer with an older row's.)
#}
{% macro at_latest(expression, key) -%}
    {{ return(adapter.dispatch('at_latest', 'feedtrial')(expression, key)) }}
{%- endmacro %}

{% macro duckdb__at_latest(expression, key) -%}
    arg_max_null({{ expression }}, {{ key }})
{%- endmacro %}

{% macro default__at_latest(expression, key) -%}
    max_by({{ expression }}, {{ key }})
{%- endmacro %}

{% macro at_first(expression, key) -%}
    {{ return(adapter.dispatch('at_first', 'feedtrial')(expression, key)) }}
{%- endmacro %}

{% macro duckdb__at_first(expression, key) -%}
    arg_min_null({{ expression }}, {{ key }})
{%- endmacro %}

{% macro default__at_first(expression, key) -%}
    min_by({{ expression }}, {{ key }})
{%- endmacro %}
