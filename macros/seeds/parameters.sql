{#
  Numbers of the seeds by their name, as scalar expressions. A name that a seed has not, or has twice, fails the query that reads it: with null
  in its place, a filter would let everything pass.

  Worked example: {{ filter_parameter('max_age_hours') }} is 72 where seeds/filter_parameters.csv has `max_age_hours,72,…`.
#}
{% macro filter_parameter(name) -%}
    {{ number_of_seed('filter_parameters', name) }}
{%- endmacro %}

{% macro similarity_parameter(name) -%}
    {{ number_of_seed('similarity_parameters', name) }}
{%- endmacro %}

{% macro serving_parameter(name) -%}
    {{ number_of_seed('serving_parameters', name) }}
{%- endmacro %}

{% macro backfill_parameter(name) -%}
    {{ number_of_seed('backfill_parameters', name) }}
{%- endmacro %}

{% macro observe_parameter(name) -%}
    {{ number_of_seed('observe_parameters', name) }}
{%- endmacro %}


{% macro number_of_seed(seed, name) -%}
    (
        select
            case
                when count(parameters."value") = 1 then max(parameters."value")
                else {{ fail('seeds/' ~ seed ~ '.csv needs one row ' ~ name ~ ' with a number') }}
            end
        from {{ ref(seed) }} as parameters
        where parameters.name = '{{ name }}'
    )
{%- endmacro %}
