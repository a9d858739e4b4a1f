{# How many items a list has; 0 where the list is null. #}
{% macro list_length(list) -%}
    {{ return(adapter.dispatch('list_length', 'feedtrial')(list)) }}
{%- endmacro %}

{% macro duckdb__list_length(list) -%}
    coalesce(len({{ list }}), 0)
{%- endmacro %}

{% macro default__list_length(list) -%}
    coalesce(cardinality({{ list }}), 0)
{%- endmacro %}
