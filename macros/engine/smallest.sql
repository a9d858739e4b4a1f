{# The n smallest values of a group as a list; n may differ from group to group. It keeps n values a group, and sorts none. #}
{% macro smallest(expression, n) -%}
    {{ return(adapter.dispatch('smallest', 'feedtrial')(expression, n)) }}
{%- endmacro %}

{% macro duckdb__smallest(expression, n) -%}
    min({{ expression }}, {{ n }})
{%- endmacro %}

{% macro default__smallest(expression, n) -%}
    min({{ expression }}, {{ n }})
{%- endmacro %}
