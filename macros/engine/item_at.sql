{# The item of a list at a place from 1; null past its end. #}
{% macro item_at(list, place) -%}
    {{ return(adapter.dispatch('item_at', 'feedtrial')(list, place)) }}
{%- endmacro %}

{% macro duckdb__item_at(list, place) -%}
    list_extract({{ list }}, {{ place }})
{%- endmacro %}

{% macro default__item_at(list, place) -%}
    element_at({{ list }}, {{ place }})
{%- endmacro %}
