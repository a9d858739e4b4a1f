{#
  What is built on piece by piece on DuckDB is built whole on Trino and Athena: the same SQL, the same rows. Their Hive tables
  can't have rows taken out.
#}
{% materialization folded, adapter='trino' %}
    {{ return(materialization_table_trino()) }}
{% endmaterialization %}

{% materialization incremental, adapter='trino' %}
    {{ return(materialization_table_trino()) }}
{% endmaterialization %}

{% materialization folded, adapter='athena' %}
    {{ return(materialization_table_athena()) }}
{% endmaterialization %}

{% materialization incremental, adapter='athena' %}
    {{ return(materialization_table_athena()) }}
{% endmaterialization %}
