{# The aggregates of a folded model as a select list, each under its column's name. #}
{% macro folded_columns(folds) -%}
    {%- for column, aggregate in folds.items() -%}
    {{ aggregate }} as {{ column }}{{ ',\n    ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
