{#
  For each label its number of labelled rows, its mean and its share over 0.5, as a select list over rows that have the label as a
  column. Sums of floats vary with the number of threads; sums of decimals don't.
#}
{% macro label_summaries() -%}
    {%- for label in unified_labels() -%}
    cast(count({{ label }}) as bigint) as {{ label }}_labelled,
    round(
        cast(sum(cast({{ label }} as decimal(18, 9))) as double) / nullif(count({{ label }}), 0), 9
    ) as {{ label }}_mean,
    round(
        count(*) filter (where {{ label }} > 0.5) / cast(nullif(count({{ label }}), 0) as double), 9
    ) as {{ label }}_share_over_half{{ ',\n    ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{# The names of those columns. #}
{% macro label_summary_columns() -%}
    {%- for label in unified_labels() -%}
    {{ label }}_labelled,
    {{ label }}_mean,
    {{ label }}_share_over_half{{ ',\n    ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
