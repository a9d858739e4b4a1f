{#
  Post-hook of a model whose rows leave the warehouse as one Parquet file of the lake.

  dbt's `external` materialization puts a row of nulls into a file that has no rows, and neither it nor DuckDB makes the
  folder: so such a model is a table, and this writes the table out, in a total order, so that the same rows give the
  same bytes.

    folder    existing folder of the lake that the file's own folder is in, such as 'queue'; '' for the lake's root
    partition folder of the file, such as 'publish=20261122T101500Z'; may be several folders deep
    file      such as 'labels.parquet'
    order_by  columns that make the order total
    lake      variable that names the lake: FEEDTRIAL_PRIVATE_LAKE for what may not be in shared reach

  The file isn't read by anybody until the runner moves the pointer to its folder.
#}
{% macro write_lake_file(relation, folder, partition, file, order_by, lake='FEEDTRIAL_LAKE') %}
    {{ return(adapter.dispatch('write_lake_file', 'feedtrial')(relation, folder, partition, file, order_by, lake)) }}
{% endmacro %}

{% macro duckdb__write_lake_file(relation, folder, partition, file, order_by, lake='FEEDTRIAL_LAKE') %}
    {% set home = env_var(lake, 'lake-data' if lake == 'FEEDTRIAL_LAKE' else 'private-data') ~ ('/' ~ folder if folder else '') %}
    {% set root = home ~ '/' ~ partition %}
    {% if not home.startswith('s3://') %}
        {# A partitioned copy of no rows makes a folder and leaves no file; it makes one level at a time. #}
        {% set levels = partition.split('/') %}
        {% for level in levels %}
            copy (select 1 as one, 1 as part where false)
            to '{{ home }}/{{ levels[:loop.index] | join("/") }}' (format parquet, partition_by (part), overwrite_or_ignore);
        {% endfor %}
    {% endif %}
    copy (select * from {{ relation }} order by {{ order_by }})
    to '{{ root }}/{{ file }}' (format parquet, compression zstd, row_group_size 122880)
{% endmacro %}

{# Trino names its files itself: there the rows stay a table, and what a run publishes is published by DuckDB. #}
{% macro default__write_lake_file(relation, folder, partition, file, order_by, lake='FEEDTRIAL_LAKE') %}
    select 1 as nothing_is_written
{% endmacro %}
