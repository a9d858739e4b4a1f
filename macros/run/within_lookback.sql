{#
  Whether a moment is within the lookback of a run, or of as many hours: a bound that the engine sees as a number and by
  which it leaves out, unread, what is older. It decides nothing by itself: the exact bounds are in seeds, and none may reach
  further back (tests/sql/lookback_covers_every_window.sql). Where a run wasn't told its moment, all is within.
#}
{% macro within_lookback(column, hours=none) -%}
    {%- set as_of_us = run_parameter('as_of_us') | int -%}
    {%- set hours = hours if hours is not none else run_parameter('lookback_hours') | int -%}
    {%- if as_of_us > 0 -%}
    {{ column }} >= {{ as_of_us - hours * 3600000000 }}
    {%- else -%}
    {{ column }} is not null
    {%- endif -%}
{%- endmacro %}


{# The UTC day with which the lookback begins, as a text literal: by it the engine leaves the partitions of older days unread. #}
{% macro lookback_since_day() -%}
    {{ observed_since_day((run_parameter('lookback_hours') | int) / 24) }}
{%- endmacro %}
