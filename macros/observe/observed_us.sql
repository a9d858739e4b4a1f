{#
  The moment that an observation speaks of, microseconds UTC: the run's own, which is later than the one that the other
  models were built for. By hand, without one, it is theirs.
#}
{% macro observed_us() -%}
    {%- set told_us = run_parameter('as_of_us') | int -%}
    cast({{ told_us if told_us > 0 else as_of_us() }} as bigint)
{%- endmacro %}
