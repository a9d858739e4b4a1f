{#
  The moment that the run speaks of, as a scalar expression, microseconds UTC. Use it in place of now(): a run with the
  same lake and the same moment gives the same rows.
#}
{% macro as_of_us() -%}
    (select clock.as_of_us from {{ ref('stg_cycle__clock') }} as clock)
{%- endmacro %}


{# The same as a number where the run was told its moment: compared as rows are read, and not with a row of another table afterwards. #}
{% macro told_us() -%}
    {%- set told_us = run_parameter('as_of_us') | int -%}
    {{ told_us if told_us > 0 else as_of_us() }}
{%- endmacro %}
