{# Whether a number is neither infinite nor NaN; null where it is null. #}
{% macro is_finite(expression) -%}
    {{ return(adapter.dispatch('is_finite', 'feedtrial')(expression)) }}
{%- endmacro %}

{% macro duckdb__is_finite(expression) -%}
    isfinite({{ expression }})
{%- endmacro %}

{% macro default__is_finite(expression) -%}
    is_finite({{ expression }})
{%- endmacro %}
