{#
  The moment that the run speaks of, as a scalar expression, microseconds UTC. Use it in place of now(): a run with the
  same lake and the same moment gives the same rows.
#}
{% macro as_of_us() -%}
    (select clock.as_of_us from {{ ref('stg_cycle__clock') }} as clock)
{%- endmacro %}
