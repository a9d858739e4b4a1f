{#
  Where a row stands: the file and its place in it. Two files may hold the same row for a while (compaction writes the
  new file before it takes the old ones away), so a fold that keeps one row has to be able to say which. Trino and Athena
  know the file alone.
#}
{% macro file_row() -%}
    {{ return(adapter.dispatch('file_row', 'feedtrial')()) }}
{%- endmacro %}

{% macro duckdb__file_row() -%}
    filename as file_name,
    file_row_number as file_row
{%- endmacro %}

{% macro default__file_row() -%}
    filename as file_name,
    cast(null as bigint) as file_row
{%- endmacro %}
