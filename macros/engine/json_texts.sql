{#
  Several values of a JSON column as one list of text, in the order of the paths; null where a path leads nowhere.
  Objects and lists come as JSON text. What an engine can't read as JSON (a lone surrogate is enough, and anybody can write
  one) gives no list instead of ending the build. DuckDB parses the document once for all of them (20 fields of a million posts:
  8 CPU-seconds, where one call a field took 16 to 21).
#}
{% macro json_texts(column, paths) -%}
    {{ return(adapter.dispatch('json_texts', 'feedtrial')(column, paths)) }}
{%- endmacro %}

{% macro duckdb__json_texts(column, paths) -%}
    try(json_extract_string({{ column }}, [{% for path in paths %}'{{ path }}'{{ ', ' if not loop.last }}{% endfor %}]))
{%- endmacro %}

{# A key in quotes is in brackets in Trino's paths, which would otherwise be none, and so would be every value. #}
{% macro default__json_texts(column, paths) -%}
    try(array[{% for path in paths -%}
        {%- set path = modules.re.sub('[.]("[^"]+")', '[\\1]', path) -%}
        coalesce(json_extract_scalar({{ column }}, '{{ path }}'), json_format(json_extract({{ column }}, '{{ path }}')))
        {{- ', ' if not loop.last }}
    {%- endfor %}])
{%- endmacro %}
