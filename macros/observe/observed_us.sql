{#
  The moment that an observation speaks of, microseconds UTC: the run's own, which is later than the one that the other
  models were built for. By hand, without one, it is theirs.
#}
{% macro observed_us() -%}
    cast({{ told_us() }} as bigint)
{%- endmacro %}
