{{ config(
    materialized='folded',
    increment_of='base_labels__values',
    unique_key=['uri', 'cid'],
    group_by=['uri', 'cid'],
    seeds=['label_precedence', 'labelers'],
) }}

with precedence as (

    select
        precedence.label as unified_label,
        precedence.labeler,
        precedence.source_label,
        precedence.priority,
        labelers.version
    from {{ ref('label_precedence') }} as precedence
    inner join {{ ref('labelers') }} as labelers
        on precedence.labeler = labelers.labeler
    where precedence.profile = '{{ run_parameter("label_profile") }}'

),

-- Priorities of a label are distinct, and so is the answer of a labeler: one candidate is preferred.
candidate_labels as (

    select
        label_values.uri,
        label_values.cid,
        precedence.unified_label,
        precedence.priority,
        label_values.score,
        label_values.labelled_at
    from {{ ref('base_labels__values') }} as label_values
    inner join precedence
        on
            label_values.labeler = precedence.labeler
            and label_values.version = precedence.version
            and label_values.label = precedence.source_label
    where label_values.score is not null

),

{{ chosen_labels() }}

-- A label that nobody gave is null: the least place of no rows.
select
    {%- for label in unified_labels() %}
    chosen_labels.{{ label }},
    {{ label }}_source.labeler as {{ label }}_labeler,
    {{ label }}_source.version as {{ label }}_version,
    chosen_labels.{{ label }}_labelled_at,
    {%- endfor %}
    chosen_labels.uri,
    chosen_labels.cid
from chosen_labels
{{ label_sources() }}
