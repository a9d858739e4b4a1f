{#
  The UTC day so many days before the observation, as a text literal: a constant, so that the engine leaves the files of
  older days unread. '1970-01-01', which leaves nothing out, where no moment was told.
#}
{% macro observed_since_day(days) -%}
    {%- set told_us = run_parameter('as_of_us') | int -%}
    {%- if told_us > 0 -%}
        '{{ modules.datetime.datetime.fromtimestamp(told_us / 1000000 - days * 86400, modules.pytz.utc).strftime("%Y-%m-%d") }}'
    {%- else -%}
        '1970-01-01'
    {%- endif -%}
{%- endmacro %}
