{# One answer a row of what it is made from, and so by the same key: a post's other answers have nothing to say here. #}
{{ config(
    materialized='folded',
    increment_of='base_labels__values',
    unique_key=['uri', 'cid', 'labeler', 'version', 'label'],
    pruned_by='rkey',
    seeds=['labelers'],
) }}

select
    label_values.uri,
    label_values.cid,
    label_values.labeler,
    label_values.version,
    label_values.label,
    label_values.rkey,
    label_values.text_value as language,
    label_values.score as language_score,
    label_values.labelled_at
from {{ ref('base_labels__values') }} as label_values
inner join {{ ref('labelers') }} as labelers
    on
        label_values.labeler = labelers.labeler
        and label_values.version = labelers.version
where
    label_values.labeler = 'language'
    and label_values.label = 'language'
