{# The columns by which rows of a key are looked up: the key, and the column that lookups are pruned by where it isn't of the key. #}
{% macro lookup_columns(key, pruned_by) -%}
    {{ return(key if pruned_by is none or pruned_by in key else key + [pruned_by]) }}
{%- endmacro %}


{#
  Makes a temporary table of the rows of a table whose key is in a table of keys. With `pruned_by`, a column that follows from the key and grows
  with time, the engine leaves out unread what is older than the oldest key: the few oldest are looked for by themselves, so that one of last
  month doesn't have all of last month read for the others. Of that month only this one column is read, and of the others what stands where it was
  found: a few places the engine takes to the scan as a list, by which it leaves out what has none of them.
#}
{% macro take_rows_of_keys(into, columns, relation, keys, key, pruned_by=none) -%}
    {%- set by = lookup_columns(key, pruned_by) | join(', ') -%}
    {%- if pruned_by is none -%}
    create or replace temp table {{ into }} as
    select {{ columns }} from {{ relation }} semi join {{ keys }} using ({{ by }})
    {%- else -%}
    {%- set oldest = '(select quantile_disc(' ~ pruned_by ~ ', 0.1) from ' ~ keys ~ ')' -%}
    create or replace temp table {{ into }} as
    select {{ columns }} from {{ relation }}
    semi join (select * from {{ keys }} where {{ pruned_by }} > {{ oldest }}) as newer_keys using ({{ by }});
    create or replace temp table {{ into }}__older as
    select * from {{ keys }} where {{ pruned_by }} <= {{ oldest }};
    create or replace temp table {{ into }}__places as
    select rowid as place from {{ relation }} semi join {{ into }}__older using ({{ pruned_by }});
    set session dynamic_or_filter_threshold = 20000;
    insert into {{ into }}
    with found as materialized (
        select {{ columns }} from {{ relation }} where rowid in (select place from {{ into }}__places)
    )
    select * from found semi join {{ into }}__older using ({{ by }});
    reset session dynamic_or_filter_threshold;
    drop table {{ into }}__older;
    drop table {{ into }}__places
    {%- endif -%}
{%- endmacro %}


{# Rows that have no group: one of its columns is null. #}
{% macro groupless(group_by) -%}
    {{ return('(' ~ group_by | join(' is null or ') ~ ' is null)') }}
{%- endmacro %}


{# The oldest moment that anything in the groups of an increment changed at, less as many times the reach. #}
{% macro reach_back(increment, reach, times) -%}
    (
        select min({{ reach.column }}) - cast({{ times }} * {{ filter_parameter(reach.hours) }} * 3600000000 as bigint)
        from {{ increment }}__groups
    )
{%- endmacro %}


{#
  What changed in a folded table after a batch, as a temporary table; with `group_by` the rows of all groups that a changed
  row is in, or was in when the target was built last. With `reach` of those only what has a say in rows that a change reaches.
#}
{% macro changed_rows_of(source, increment, batch, columns, group_by, target, key, pruned_by=none, reach=none) -%}
    {%- if group_by | length == 0 -%}
    create or replace temp table {{ increment }} as
    select {{ columns }} from {{ source }} where batch > {{ batch }}
    {%- else -%}
    {%- set groups = (lookup_columns(group_by, pruned_by) + ([reach.column] if reach else [])) | join(', ') -%}
    create or replace temp table {{ increment }}__groups as
    select {{ groups }} from {{ source }} where batch > {{ batch }} and not {{ groupless(group_by) }}
    {%- if key != group_by %}
    union
    select {{ groups }} from {{ target }}
    semi join (select {{ key | join(', ') }} from {{ source }} where batch > {{ batch }}) as changed using ({{ key | join(', ') }})
    {%- endif %};
    {% if reach -%}
    create or replace temp table {{ increment }} as
    select {{ columns }} from {{ source }}
    semi join {{ increment }}__groups using ({{ group_by | join(', ') }})
    where {{ reach.column }} >= {{ reach_back(increment, reach, 2) }}
    {%- else -%}
    {{ take_rows_of_keys(increment, columns, source, increment ~ '__groups', group_by, pruned_by) }}
    {%- endif %};
    insert into {{ increment }}
    select {{ columns }} from {{ source }} where batch > {{ batch }} and {{ groupless(group_by) }}
    {%- endif -%}
{%- endmacro %}


{# Takes out of an increment, and of what its SQL says, the rows that were read only for the say that they have in others. #}
{% macro only_within_reach(scratch, increment, group_by, reach) -%}
    {%- set beyond = reach.column ~ ' < ' ~ reach_back(increment, reach, 1) -%}
    delete from {{ scratch }}__new where {{ beyond }};
    delete from {{ increment }} where {{ beyond }} and not {{ groupless(group_by) }}
{%- endmacro %}


{#
  Compares what an increment says with what is there, as temporary tables: <scratch>__changed, rows to write, and
  <scratch>__gone, places of rows that no longer stand. What says the same as before is in neither. Most keys are new: their rows
  are as the SQL says them, and only the others are folded and compared.
#}
{% macro changed_keys(scratch, target, increment, key, folds, facts, over_files, key_of_increment, pruned_by=none) -%}
    {%- set keys = key | join(', ') -%}
    {%- set by = lookup_columns(key, pruned_by) | join(', ') -%}
    {%- set columns = [] -%}
    {%- for column in adapter.get_columns_in_relation(target) if column.name != 'batch' -%}
        {%- do columns.append('"' ~ column.name ~ '"') -%}
    {%- endfor -%}
    {%- set columns = columns | join(', ') -%}
    create or replace temp table {{ scratch }}__keys as
    {% if folds or over_files -%}
    select distinct {{ by }} from {{ scratch }}__new;
    {%- else -%}
    select distinct {{ key_of_increment ~ ' as ' if key_of_increment else '' }}{{ by }} from {{ increment }};
    {%- endif %}
    {{ take_rows_of_keys(scratch ~ '__known', 'rowid as place, ' ~ columns, target, scratch ~ '__keys', key, pruned_by) }};
    create or replace temp table {{ scratch }}__result as
    {% if folds -%}
    select {{ with_facts(key, folds, facts) }}
    from (
        select
            {{ keys }},
            {{ folded_columns(folds) }}
        from (
            select {{ columns }} from {{ scratch }}__new semi join {{ scratch }}__known using ({{ keys }})
            union all
            select {{ columns }} from {{ scratch }}__known
        ) as parts
        group by {{ keys }}
    ) as folded;
    {%- else -%}
    select {{ columns }} from {{ scratch }}__new semi join {{ scratch }}__known using ({{ keys }});
    {%- endif %}
    create or replace temp table {{ scratch }}__changed as
    select {{ columns }} from {{ scratch }}__new anti join {{ scratch }}__known using ({{ keys }})
    union all
    select {{ columns }} from (
        select {{ columns }} from {{ scratch }}__result except select {{ columns }} from {{ scratch }}__known
    ) as otherwise;
    create or replace temp table {{ scratch }}__gone as
    select known.place from {{ scratch }}__known as known
    semi join (
        select {{ columns }} from {{ scratch }}__known except select {{ columns }} from {{ scratch }}__result
    ) as outdated using ({{ keys }})
{%- endmacro %}


{# Puts the changed rows in place of those that were there. #}
{% macro replace_changed(scratch, target, batch) -%}
    delete from {{ target }} where rowid in (select place from {{ scratch }}__gone);
    insert into {{ target }} by name
    select *, cast({{ batch }} as bigint) as batch from {{ scratch }}__changed;
    {% for part in ['new', 'keys', 'known', 'result', 'changed', 'gone', 'increment__groups'] -%}
    drop table if exists temp.{{ scratch }}__{{ part }};
    {% endfor %}
{%- endmacro %}
