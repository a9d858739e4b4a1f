{# The values of a group as a list, in the order of an expression. #}
{% macro ordered_list(expression, order) -%}
    {{ return(adapter.dispatch('ordered_list', 'feedtrial')(expression, order)) }}
{%- endmacro %}

{% macro duckdb__ordered_list(expression, order) -%}
    list({{ expression }} order by {{ order }})
{%- endmacro %}

{% macro default__ordered_list(expression, order) -%}
    array_agg({{ expression }} order by {{ order }})
{%- endmacro %}
