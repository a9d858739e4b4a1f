{# The first place, from 1, at which an item stands in a list; null where it doesn't. #}
{% macro place_in_list(list, item) -%}
    {{ return(adapter.dispatch('place_in_list', 'feedtrial')(list, item)) }}
{%- endmacro %}

{% macro duckdb__place_in_list(list, item) -%}
    list_position({{ list }}, {{ item }})
{%- endmacro %}

{% macro default__place_in_list(list, item) -%}
    nullif(array_position({{ list }}, {{ item }}), 0)
{%- endmacro %}
