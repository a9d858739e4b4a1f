{#
  Materialization of models with rows for each participant: a table like any other, filled by one statement a batch of participants, so
  that memory follows `participants_per_batch` and not the study. The model says where a reader comes in by
  `where {{ in_this_batch() }}`; its rows may not depend on anybody in another batch. As with a table, nobody sees it until it is whole.
#}
{% materialization in_batches, adapter='duckdb' %}

    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set building = make_intermediate_relation(target) -%}
    {%- set replaced = make_backup_relation(target, 'table' if existing is none else existing.type) -%}
    {{ drop_relation_if_exists(load_cached_relation(building)) }}
    {{ drop_relation_if_exists(load_cached_relation(replaced)) }}
    {%- set readers = this.incorporate(path={'identifier': 'int_participants__policies'}) -%}
    {%- set last_batch = run_query('select coalesce(max(batch), 0) from ' ~ readers).columns[0][0] | int -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% for batch in range(last_batch + 1) %}
        {% call statement('main' if loop.last else 'batch_' ~ batch) %}
            set variable participant_batch = {{ batch }};
            {% if loop.first %}
                {{ create_table_as(False, building, compiled_code) }}
            {% else %}
                insert into {{ building }} by name (
                    {{ compiled_code }}
                )
            {% endif %}
        {% endcall %}
    {% endfor %}
    {% do run_query('reset variable participant_batch') %}

    {% if existing is not none %}
        {{ adapter.rename_relation(existing, replaced) }}
    {% endif %}
    {{ adapter.rename_relation(building, target) }}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ drop_relation_if_exists(replaced) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}

{% endmaterialization %}

{% materialization in_batches, default %}
    {{ return(context['materialization_table_' ~ adapter.type()]()) }}
{% endmaterialization %}
