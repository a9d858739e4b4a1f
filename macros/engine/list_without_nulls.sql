{# A list without its nulls. #}
{% macro list_without_nulls(list) -%}
    {{ return(adapter.dispatch('list_without_nulls', 'feedtrial')(list)) }}
{%- endmacro %}

{% macro duckdb__list_without_nulls(list) -%}
    list_filter({{ list }}, lambda one: one is not null)
{%- endmacro %}

{% macro default__list_without_nulls(list) -%}
    filter({{ list }}, one -> one is not null)
{%- endmacro %}
