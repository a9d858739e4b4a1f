{# A list with one more item at its end. #}
{% macro list_with(list, item) -%}
    {{ return(adapter.dispatch('list_with', 'feedtrial')(list, item)) }}
{%- endmacro %}

{% macro duckdb__list_with(list, item) -%}
    list_append({{ list }}, {{ item }})
{%- endmacro %}

{% macro default__list_with(list, item) -%}
    {{ list }} || {{ item }}
{%- endmacro %}
