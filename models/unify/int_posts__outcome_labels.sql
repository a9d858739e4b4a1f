{{ config(
    materialized='folded',
    increment_of='base_labels__values',
    unique_key=['uri', 'cid'],
    group_by=['uri', 'cid'],
    seeds=['outcome_labels'],
) }}

-- A study pins one labeler for each outcome: it is first and last in the precedence.
with precedence as (

    select
        label as unified_label,
        labeler,
        source_label,
        version,
        1 as priority
    from {{ ref('outcome_labels') }}

),

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

select
    {%- for label in unified_labels() %}
    chosen_labels.{{ label }},
    {{ label }}_source.labeler as {{ label }}_labeler,
    {%- endfor %}
    chosen_labels.uri,
    chosen_labels.cid
from chosen_labels
{{ label_sources() }}
