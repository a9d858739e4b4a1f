{#
  Whether what was taken in at a moment (column, microseconds UTC) was known at the moment `known_at_us` that a run is told: a ranking as
  if then must not know what came into the lake later. 0, the default, stands for all that is in the lake, and bounds nothing.
#}
{% macro known_then(column) -%}
    {%- set known_at_us = run_parameter('known_at_us') | int -%}
    {{ column ~ ' <= ' ~ known_at_us if known_at_us > 0 else 'true' }}
{%- endmacro %}
