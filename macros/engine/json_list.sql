{#
  The texts that a path with wildcards finds in JSON, as a list; null where the JSON is null or is none (a record
  may have a bare word where its lexicon asks for a list), empty where nothing matches. Trino's JSONPath has the same wildcards under json_query.
#}
{% macro json_list(column, path) -%}
    {{ return(adapter.dispatch('json_list', 'feedtrial')(column, path)) }}
{%- endmacro %}

{% macro duckdb__json_list(column, path) -%}
    try(json_extract_string({{ column }}, '{{ path }}'))
{%- endmacro %}

{% macro default__json_list(column, path) -%}
    try(cast(json_parse(json_query({{ column }}, 'lax {{ path }}' with array wrapper)) as array(varchar)))
{%- endmacro %}
