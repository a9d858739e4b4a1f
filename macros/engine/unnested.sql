{# The items of a list, a row each, in a select list. Rows without items are gone. #}
{% macro unnested(list) -%}
    {{ return(adapter.dispatch('unnested', 'feedtrial')(list)) }}
{%- endmacro %}

{% macro duckdb__unnested(list) -%}
    unnest({{ list }})
{%- endmacro %}
