{#
  A percentile of a number over a group, between two neighbours by their distance; null where the group has no number. `share` is
  from 0 to 1. Trino's own is approximate: there the group is sorted as a list, in which place 1 + share * (n - 1) is looked up.
#}
{% macro percentile(expression, share) -%}
    {{ return(adapter.dispatch('percentile', 'feedtrial')(expression, share)) }}
{%- endmacro %}

{% macro duckdb__percentile(expression, share) -%}
    quantile_cont({{ expression }}, {{ share }})
{%- endmacro %}

{% macro default__percentile(expression, share) -%}
    {%- set place = '(cardinality(items) - 1) * ' ~ share ~ 'e0' -%}
    {%- set lower = 'items[1 + cast(floor(' ~ place ~ ') as integer)]' -%}
    {%- set upper = 'items[1 + cast(ceiling(' ~ place ~ ') as integer)]' -%}
    element_at(transform(
        array[array_sort(array_agg(cast({{ expression }} as double)) filter (where {{ expression }} is not null))],
        items -> {{ lower }} + ({{ upper }} - {{ lower }}) * ({{ place }} - floor({{ place }}))
    ), 1)
{%- endmacro %}
