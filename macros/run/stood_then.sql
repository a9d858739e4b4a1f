{#
  Whether a record (alias of a staged relation) stood at the moment that a run speaks of, as far as was known then: witnessed by that
  moment and not taken back by it. What came into the lake after `known_at_us` changes nothing, be it the record or its deletion.

  Worked example: a like of 10:00 whose deletion of 11:00 came into the lake at 15:00 stands at 12:00 for a run that is told
  known_at_us = 12:00, and doesn't for one that knows all that is there.
#}
{% macro stood_then(alias) -%}
    {%- set known_at_us = run_parameter('known_at_us') | int -%}
    {%- set moment_us = told_us() -%}
    {{ alias }}.event_us <= {{ moment_us }}
    {%- if known_at_us > 0 %}
        and {{ known_then(alias ~ '.known_us') }}
        and (
            {{ alias }}.deleted_us is null
            or {{ alias }}.deleted_us > {{ moment_us }}
            or not {{ known_then(alias ~ '.deletion_known_us') }}
        )
    {%- else %}
        and ({{ alias }}.deleted_us is null or {{ alias }}.deleted_us > {{ moment_us }})
    {%- endif -%}
{%- endmacro %}


{# Whether a record (alias of a staged relation) stood just before a moment, as far as is known by now: a like of 10:00 that was taken back at 11:00 did at 11:00. #}
{% macro stood_at(alias, moment_us) -%}
    {{ alias }}.event_us < {{ moment_us }} and ({{ alias }}.deleted_us is null or {{ alias }}.deleted_us >= {{ moment_us }})
{%- endmacro %}
