{# The bits that any number of a group has, as one number; a number that stands twice changes nothing. #}
{% macro bits_together(expression) -%}
    {{ return(adapter.dispatch('bits_together', 'feedtrial')(expression)) }}
{%- endmacro %}

{% macro duckdb__bits_together(expression) -%}
    bit_or({{ expression }})
{%- endmacro %}

{% macro default__bits_together(expression) -%}
    bitwise_or_agg({{ expression }})
{%- endmacro %}
