{# The MD5 of a text as 32 hexadecimal digits, the same on every engine. #}
{% macro md5_hex(expression) -%}
    {{ return(adapter.dispatch('md5_hex', 'feedtrial')(expression)) }}
{%- endmacro %}

{% macro duckdb__md5_hex(expression) -%}
    md5({{ expression }})
{%- endmacro %}

{# Trino's md5 takes and gives bytes. #}
{% macro default__md5_hex(expression) -%}
    lower(to_hex(md5(to_utf8({{ expression }}))))
{%- endmacro %}
