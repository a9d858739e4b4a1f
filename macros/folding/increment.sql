{#
  What changed in a folded table after a batch, as a temporary table; with `group_by` the rows of all groups that a changed
  row is in, or was in when the target was built last.
#}
{% macro changed_rows_of(source, increment, batch, group_by, target, key) -%}
    {%- set groups = group_by | join(', ') -%}
    {%- set keys = key | join(', ') -%}
    create or replace temp table {{ increment }} as
    select source.*
    from {{ source }} as source
    where
        source.batch > {{ batch }}
    {%- if group_by | length > 0 %}
        or ({{ groups }}) in (select ({{ groups }}) from {{ source }} where batch > {{ batch }})
        {%- if key != group_by %}
        or ({{ groups }}) in (
            select ({{ groups }}) from {{ target }}
            where ({{ keys }}) in (select ({{ keys }}) from {{ source }} where batch > {{ batch }})
        )
        {%- endif %}
    {%- endif %}
{%- endmacro %}


{#
  Compares what an increment says with what is there, as temporary tables: <scratch>__changed, rows to write, and
  <scratch>__gone, keys whose rows no longer stand. What says the same as before is in neither.
#}
{% macro changed_keys(scratch, target, increment, key, folds, facts, over_files, key_of_increment) -%}
    {%- set keys = key | join(', ') -%}
    {%- set columns = [] -%}
    {%- for column in adapter.get_columns_in_relation(target) if column.name != 'batch' -%}
        {%- do columns.append('"' ~ column.name ~ '"') -%}
    {%- endfor -%}
    {%- set columns = columns | join(', ') -%}
    create or replace temp table {{ scratch }}__keys as
    {% if folds or over_files -%}
    select distinct {{ keys }} from {{ scratch }}__new;
    {%- else -%}
    select distinct {{ key_of_increment ~ ' as ' if key_of_increment else '' }}{{ keys }} from {{ increment }};
    {%- endif %}
    create or replace temp table {{ scratch }}__known as
    select {{ columns }} from {{ target }} semi join {{ scratch }}__keys using ({{ keys }});
    {% if folds -%}
    create or replace temp table {{ scratch }}__result as
    select {{ with_facts(key, folds, facts) }}
    from (
        select
            {{ keys }},
            {{ folded_columns(folds) }}
        from (
            select {{ columns }} from {{ scratch }}__new
            union all
            select {{ columns }} from {{ scratch }}__known
        ) as parts
        group by {{ keys }}
    ) as folded;
    {%- endif %}
    {%- set result = scratch ~ ('__result' if folds else '__new') %}
    create or replace temp table {{ scratch }}__changed as
    select {{ columns }} from {{ result }} except select {{ columns }} from {{ scratch }}__known;
    create or replace temp table {{ scratch }}__gone as
    select distinct {{ keys }} from (
        select {{ columns }} from {{ scratch }}__known except select {{ columns }} from {{ result }}
    ) as outdated
{%- endmacro %}


{# Puts the changed rows in place of those that were there. #}
{% macro replace_changed(scratch, target, key, batch) -%}
    delete from {{ target }} where ({{ key | join(', ') }}) in (select ({{ key | join(', ') }}) from {{ scratch }}__gone);
    insert into {{ target }} by name
    select *, cast({{ batch }} as bigint) as batch from {{ scratch }}__changed;
    {% for part in ['new', 'keys', 'known', 'result', 'changed', 'gone'] -%}
    drop table if exists temp.{{ scratch }}__{{ part }};
    {% endfor %}
{%- endmacro %}
