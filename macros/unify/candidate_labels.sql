{#
  The CTE `candidate_labels`: every answer of the sources of a CTE `precedence` (unified_label, labeler, version, source_label,
  priority), of those that a condition over `label_values` leaves. A labeler has one answer to a question: the first.
#}
{% macro candidate_labels(condition='true') -%}
candidate_labels as (

    select
        label_values.uri,
        label_values.cid,
        precedence.unified_label,
        precedence.labeler,
        precedence.source_label,
        precedence.priority,
        label_values.score,
        label_values.labelled_at
    from {{ ref('base_labels__values') }} as label_values
    inner join precedence
        on
            label_values.labeler = precedence.labeler
            and label_values.version = precedence.version
            and label_values.label = precedence.source_label
    where
        label_values.score is not null
        and {{ condition }}

)
{%- endmacro %}
