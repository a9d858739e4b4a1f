{#
  Whether a moment is one that this run looks at where older ones would cost too much every time: any in a run that builds what counts
  over all history, which is one a day, and by hand; within the lookback in the others.
#}
{% macro within_reach(column) -%}
    {{ 'true' if run_parameter('history') == 'true' else within_lookback(column) }}
{%- endmacro %}
