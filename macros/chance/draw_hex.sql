{#
  A draw as 32 hexadecimal digits: md5 of the parts with bars between, so that every engine draws the same and a feed
  can be drawn again. Parts are SQL expressions of text; none may hold a bar.

  Worked example: draw_hex(["'seed'", "'p1'"]) is md5('seed|p1').
#}
{% macro draw_hex(parts) -%}
    {{ md5_hex(parts | join(" || '|' || ")) }}
{%- endmacro %}
