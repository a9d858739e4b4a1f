{#
  Tables and views on DuckDB, in place of dbt's: what there is goes, and what is new comes, in one statement of one transaction. dbt's own build
  beside it, rename twice and drop afterwards, for engines that can't; a full build of an hour has thirty-five of them.
#}
{% macro replaced(relation, create) -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
        {{ 'drop ' ~ existing.type ~ ' if exists ' ~ existing ~ ';' if existing is not none }}
        {{ create }}
    {%- endcall -%}
    {% do persist_docs(relation, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [relation]}) }}
{%- endmacro %}


{% materialization table, adapter='duckdb' %}
    {%- set relation = this.incorporate(type='table') -%}
    {{ return(replaced(relation, create_table_as(False, relation, sql))) }}
{% endmaterialization %}


{% materialization view, adapter='duckdb' %}
    {%- set relation = this.incorporate(type='view') -%}
    {{ return(replaced(relation, create_view_as(relation, sql))) }}
{% endmaterialization %}
