{# The query of the tests sound and sound_in_last_batch: what is wrong, and the key of the row or a value of it. #}
{% macro rows_that_are_not_sound(model, key, never_null, probabilities, condition) -%}
    {%- set named_by = key if key | length > 0 else never_null -%}
    {%- set texts = [] -%}
    {%- for column in named_by -%}
        {%- do texts.append("coalesce(cast(" ~ column ~ " as varchar), 'null')") -%}
    {%- endfor -%}
    {%- set row_text = texts | join(" || ' ' || ") -%}
    {%- set wrongs = [] -%}
    {%- for column in never_null -%}
        {%- do wrongs.append("when " ~ column ~ " is null then '" ~ column ~ " is null'") -%}
    {%- endfor -%}
    {%- for column in probabilities -%}
        {%- do wrongs.append("when " ~ column ~ " < 0 or " ~ column ~ " > 1 then '" ~ column ~ " is no probability'") -%}
    {%- endfor -%}
    {%- if wrongs | length > 0 %}
    select
        wrong,
        row_text
    from (
        select
            case
                {{ wrongs | join('\n                ') }}
            end as wrong,
            {{ row_text }} as row_text
        from {{ model }}
        where {{ condition }}
    ) as judged
    where wrong is not null
    {%- endif %}
    {%- if wrongs | length > 0 and key | length > 0 %}
    union all
    {%- endif %}
    {%- if key | length > 0 %}
    select
        'stands ' || cast(count(*) as varchar) || ' times' as wrong,
        {{ row_text }} as row_text
    from {{ model }}
    where {{ key_hash(key) }} in (
        select {{ key_hash(key) }}
        from {{ model }}
        where {{ condition }}
        group by {{ key_hash(key) }}
        having count(*) > 1
    )
    group by {{ key | join(', ') }}
    having count(*) > 1
    {%- endif %}
{%- endmacro %}
