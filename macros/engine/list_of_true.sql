{# The names of those boolean columns that are true, as a list in the order given; empty where none is. #}
{% macro list_of_true(columns) -%}
    {%- set cases = [] -%}
    {%- for column in columns -%}
        {%- do cases.append("case when " ~ column ~ " then '" ~ column ~ "' end") -%}
    {%- endfor -%}
    {{ return(adapter.dispatch('list_of_true', 'feedtrial')(cases)) }}
{%- endmacro %}

{% macro duckdb__list_of_true(cases) -%}
    list_filter([
        {{ cases | join(',\n        ') }}
    ], lambda name : name is not null)
{%- endmacro %}

{% macro default__list_of_true(cases) -%}
    filter(array[
        {{ cases | join(',\n        ') }}
    ], name -> name is not null)
{%- endmacro %}
