{#
  The columns of a contract as a new table of Trino declares them: Hive tables there take no NOT NULL. What may not be null is tested
  after the build (no_nulls), on every engine.
#}
{% macro trino__get_table_columns_and_constraints() -%}
    (
    {%- for column in model['columns'].values() %}
        "{{ column['name'] }}" {{ column['data_type'] }}{{ ',' if not loop.last }}
    {%- endfor %}
    )
{%- endmacro %}
