{# The texts of a group, one after another with a comma between, in the order of an expression. #}
{% macro joined_texts(expression, order) -%}
    {{ return(adapter.dispatch('joined_texts', 'feedtrial')(expression, order)) }}
{%- endmacro %}

{% macro duckdb__joined_texts(expression, order) -%}
    string_agg({{ expression }}, ', ' order by {{ order }})
{%- endmacro %}

{% macro default__joined_texts(expression, order) -%}
    listagg({{ expression }}, ', ') within group (order by {{ order }})
{%- endmacro %}
