{# A list without every occurrence of an item. #}
{% macro list_without(list, item) -%}
    {{ return(adapter.dispatch('list_without', 'feedtrial')(list, item)) }}
{%- endmacro %}

{% macro duckdb__list_without(list, item) -%}
    list_filter({{ list }}, lambda one: one <> {{ item }})
{%- endmacro %}

{% macro default__list_without(list, item) -%}
    array_remove({{ list }}, {{ item }})
{%- endmacro %}
