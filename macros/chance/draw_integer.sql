{#
  A draw as an integer from 0 to bound - 1: the first 15 hexadecimal digits of draw_hex, modulo the bound. 2^60 values
  on so few leave a bias under 1e-17.
#}
{% macro draw_integer(parts, bound) -%}
    {{ return(adapter.dispatch('draw_integer', 'feedtrial')(parts, bound)) }}
{%- endmacro %}

{% macro duckdb__draw_integer(parts, bound) -%}
    cast('0x' || substr({{ draw_hex(parts) }}, 1, 15) as bigint) % {{ bound }}
{%- endmacro %}

{% macro default__draw_integer(parts, bound) -%}
    from_base(substr({{ draw_hex(parts) }}, 1, 15), 16) % {{ bound }}
{%- endmacro %}
