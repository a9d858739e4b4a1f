{#
  The CTE `folded`: one row per key from the rows of a relation, in the columns of `folds`. The caller says how rows become those
  columns, as a query over the text of another that it is given:

    {% call(rows) folded_rows(ref('answers'), ['uri'], {'said': 'max(said)'}, "status = 'ok'") %}
        select uri, lower(word) as said from ({{ rows }}) as answers
    {% endcall %}

  Nearly every key has one row, which is its own fold; only the others are aggregated. (An engine can't put aggregates of text aside
  when memory runs out: over all keys they would need all of it.) Which those are is asked first, of the key columns alone
  and by a hash; where two keys share one, both are aggregated, each by itself. Rows are read again rather than kept: a CTE
  that is named twice would hold all of them.
#}
{% macro folded_rows(relation, key, folds, condition='true') -%}
    {%- set keys = key | join(', ') -%}
    {%- set of_key = [] -%}
    {%- for column in key -%}{%- do of_key.append('source_rows.' ~ column) -%}{%- endfor -%}
    {%- set of_key = key_hash(of_key) -%}
    {%- set source_rows = relation ~ ' as source_rows' -%}
repeated_keys as (

    select {{ of_key }} as key_hash
    from {{ source_rows }}
    where {{ condition }}
    group by {{ of_key }}
    having count(*) > 1

),

folded as (

    select
        {{ keys }},
        {{ folds.keys() | join(',\n        ') }}
    from (
        {{ caller(
            'select source_rows.* from ' ~ source_rows ~ ' left join repeated_keys on ' ~ of_key
            ~ ' = repeated_keys.key_hash where repeated_keys.key_hash is null and ' ~ condition
        ) }}
    ) as single_rows
    union all
    select
        {{ keys }},
        {{ folded_columns(folds) }}
    from (
        {{ caller(
            'select source_rows.* from ' ~ source_rows ~ ' inner join repeated_keys on ' ~ of_key
            ~ ' = repeated_keys.key_hash where ' ~ condition
        ) }}
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
