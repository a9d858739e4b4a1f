{# How many whole units a whole number has; what is left over is dropped, below 0 too. #}
{% macro whole_units(expression, unit) -%}
    {{ return(adapter.dispatch('whole_units', 'feedtrial')(expression, unit)) }}
{%- endmacro %}

{% macro duckdb__whole_units(expression, unit) -%}
    ({{ expression }}) // {{ unit }}
{%- endmacro %}

{% macro default__whole_units(expression, unit) -%}
    ({{ expression }}) / {{ unit }}
{%- endmacro %}
