{#
  Whether a reader is in the batch that is ranked now, from a column `batch` as `int_participants__policies` has it. The materialization
  `in_batches` says which one that is, batch after batch; where nobody does (a unit test, the compiled SQL by hand, Trino), all are in it.
#}
{% macro in_this_batch(column='batch') -%}
    {{ return(adapter.dispatch('in_this_batch', 'feedtrial')(column)) }}
{%- endmacro %}

{% macro duckdb__in_this_batch(column) -%}
    ({{ column }} = getvariable('participant_batch') or getvariable('participant_batch') is null)
{%- endmacro %}

{# Trino spreads the work over machines by itself. #}
{% macro default__in_this_batch(column) -%}
    true
{%- endmacro %}
