{#
  A draw as 32 hexadecimal digits: md5 of the parts with bars between, so that every engine draws the same and a feed
  can be drawn again. Parts are SQL expressions of text; none may hold a bar.

  Worked example: draw_hex(["'seed'", "'p1'"]) is md5('seed|p1').
#}
{% macro draw_hex(parts) -%}
    {{ return(adapter.dispatch('draw_hex', 'feedtrial')(parts)) }}
{%- endmacro %}

{% macro duckdb__draw_hex(parts) -%}
    md5({{ parts | join(" || '|' || ") }})
{%- endmacro %}

{# Trino's md5 takes and gives bytes. #}
{% macro trino__draw_hex(parts) -%}
    lower(to_hex(md5(to_utf8({{ parts | join(" || '|' || ") }}))))
{%- endmacro %}
