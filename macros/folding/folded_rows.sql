{#
  The CTE `folded`: one row per key from the rows of another CTE, in the columns of `folds`. Nearly every key has one row,
  which is its own fold; only the others are aggregated. (An engine can't put aggregates of text aside when memory runs
  out: over all keys they would need all of it.)
#}
{% macro folded_rows(rows, key, folds) -%}
    {%- set keys = key | join(', ') -%}
    {%- set on = [] -%}
    {%- for column in key -%}
        {%- do on.append(rows ~ '.' ~ column ~ ' = repeated_keys.' ~ column) -%}
    {%- endfor -%}
repeated_keys as (

    select {{ keys }}
    from {{ rows }}
    group by {{ keys }}
    having count(*) > 1

),

folded as (

    select
        {{ keys }},
        {{ folds.keys() | join(',\n        ') }}
    from {{ rows }}
    where not exists (select 1 from repeated_keys where {{ on | join(' and ') }})
    union all
    select
        {{ keys }},
        {{ folded_columns(folds) }}
    from (
        select {{ rows }}.*
        from {{ rows }}
        where exists (select 1 from repeated_keys where {{ on | join(' and ') }})
    ) as repeated_rows
    group by {{ keys }}

)
{%- endmacro %}


{# The columns of folded rows as a select list, with what follows from them in place or at the end. #}
{% macro with_facts(key, folds, facts) -%}
    {%- set columns = [] -%}
    {%- for column in key -%}{%- do columns.append(column) -%}{%- endfor -%}
    {%- for column in folds -%}
        {%- do columns.append(facts[column] ~ ' as ' ~ column if column in facts else column) -%}
    {%- endfor -%}
    {%- for column in facts if column not in folds -%}
        {%- do columns.append(facts[column] ~ ' as ' ~ column) -%}
    {%- endfor -%}
    {{ columns | join(',\n    ') }}
{%- endmacro %}
