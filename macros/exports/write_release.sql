{#
  Writes exports out as Parquet for `feedtrial export`: `dbt run-operation write_release`. One statement a file, ordered by every
  column, so that the same rows give the same bytes.

    exports  list of {model, partition, folder}: the name of a model; the column of text that partitions it, or ''; and an existing
             folder, which gets <value>.parquet for each value of that column, or all.parquet
#}
{% macro write_release(exports) %}
    {% for one in exports %}
        {% set relation = adapter.get_relation(target.database, target.schema, one.model) %}
        {% set columns = adapter.get_columns_in_relation(relation) | map(attribute='name') | reject('equalto', one.partition) | list %}
        {% set list = '"' ~ columns | join('", "') ~ '"' %}
        {% set values = run_query(
            'select distinct "' ~ one.partition ~ '" from ' ~ relation ~ ' order by 1'
        ).columns[0].values() if one.partition != '' else ['all'] %}
        {% for value in values %}
            {% set rows = 'where "' ~ one.partition ~ "\" = '" ~ value ~ "'" if one.partition != '' else '' %}
            {% do run_query(
                'copy (select ' ~ list ~ ' from ' ~ relation ~ ' ' ~ rows ~ ' order by ' ~ list ~ ") to '" ~ one.folder ~ '/' ~ value
                ~ ".parquet' (format parquet, compression zstd, row_group_size 122880)"
            ) %}
        {% endfor %}
    {% endfor %}
{% endmacro %}
