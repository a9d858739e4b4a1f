{#
  A table of the lake. On DuckDB that is what the source's external_location says: files of the lake, those that compaction has
  folded into others left out. On Trino and Athena it is a table over a folder (`feedtrial athena ddl`), from which the same files
  are left out here.
#}
{% macro source(source_name, table_name) -%}
    {{ return(adapter.dispatch('source', 'feedtrial')(builtins.source(source_name, table_name))) }}
{%- endmacro %}

{% macro duckdb__source(relation) -%}
    {{ return(relation) }}
{%- endmacro %}

{% macro default__source(relation) -%}
    {%- set lake = env_var('FEEDTRIAL_LAKE', 'lake-data') -%}
    {%- set hidden = "(select '" ~ lake ~ "/' || file from " ~ relation.incorporate(path={'identifier': 'hidden_files'}) ~ ')' -%}
    {%- if relation.schema == 'feedtrial_private' or relation.identifier == 'feeds' or relation.identifier.startswith('similarity_') -%}
        {{ return(relation) }}
    {%- else -%}
        {{ return('(select *, "$path" as filename from ' ~ relation ~ ' where "$path" not in ' ~ hidden ~ ')') }}
    {%- endif -%}
{%- endmacro %}
