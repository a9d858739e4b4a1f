{# One value of a JSON column as text, at a path that is an expression; null where it leads nowhere or nothing is JSON. #}
{% macro json_text_at(column, path) -%}
    {{ return(adapter.dispatch('json_text_at', 'feedtrial')(column, path)) }}
{%- endmacro %}

{% macro duckdb__json_text_at(column, path) -%}
    try(json_extract_string({{ column }}, {{ path }}))
{%- endmacro %}

{% macro default__json_text_at(column, path) -%}
    try(json_extract_scalar({{ column }}, {{ path }}))
{%- endmacro %}
