{#
  The CTE `chosen_labels`: one row per post and version with, for each label, the place in the precedence of the source that
  answered first in it, and its answer. From a CTE `precedence` (unified_label, labeler, version, source_label, priority), and
  of those answers only that a condition over `label_values` leaves.
  Only numbers are aggregated, which an engine can put aside when memory runs out; who a source is, is looked up afterwards.
#}
{% macro chosen_labels(condition='true') -%}
{{ candidate_labels(condition) }},

-- Priorities of a label are distinct, and so is the answer of a labeler: one candidate is preferred.
chosen_labels as (

    select
        {%- for label in unified_labels() %}
        {%- set place = "case when unified_label = '" ~ label ~ "' then priority end" %}
        min({{ place }}) as {{ label }}_place,
        {{ at_first('score', place) }} as {{ label }},
        {{ at_first('labelled_at', place) }} as {{ label }}_labelled_at,
        {%- endfor %}
        uri,
        cid
    from candidate_labels
    group by uri, cid

)
{%- endmacro %}


{# Joins that look up who the source of each label is, from a CTE `precedence`: aliases <label>_source. #}
{% macro label_sources() -%}
    {%- for label in unified_labels() %}
left join precedence as {{ label }}_source
    on
        {{ label }}_source.unified_label = '{{ label }}'
        and chosen_labels.{{ label }}_place = {{ label }}_source.priority
    {%- endfor %}
{%- endmacro %}
