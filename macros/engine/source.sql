{#
  A table of the lake. On DuckDB that is what the source's external_location says: files of the lake, those that compaction has
  folded into others left out. On Trino and Athena it is a table over a folder (`feedtrial athena ddl`), from which the same files
  are left out here, and everything beside the feeds in a generation's folder.
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
    {%- if relation.identifier == 'feeds' -%}
        {%- set files = published_files(relation, lake) if execute else [] -%}
        {{ return('(select * from ' ~ relation ~ ' where "$path" in (' ~ (files | join(', ') if files else "''") ~ '))') }}
    {%- elif relation.schema == 'feedtrial_private' or relation.identifier.startswith('similarity_') -%}
        {{ return(relation) }}
    {%- else -%}
        {{ return('(select *, "$path" as filename from ' ~ relation ~ ' where "$path" not in ' ~ hidden ~ ')') }}
    {%- endif -%}
{%- endmacro %}

{# The file of each generation that the table knows. Given as constants, so that the engine opens none of the files beside it. #}
{% macro published_files(relation, lake) -%}
    {%- set partitions = run_query('select generation from ' ~ relation.incorporate(path={'identifier': 'feeds$partitions'})) -%}
    {%- set files = [] -%}
    {%- for generation in partitions.columns[0].values() -%}
        {%- do files.append("'" ~ lake ~ '/feeds/generation=' ~ generation ~ "/feeds.parquet'") -%}
    {%- endfor -%}
    {{ return(files) }}
{%- endmacro %}
