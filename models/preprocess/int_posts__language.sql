{{ config(materialized='view') }}

select
    ---------- ids
    label_values.uri,
    label_values.cid,

    ---------- values
    label_values.text_value as language,
    label_values.score as language_score
from {{ ref('base_labels__values') }} as label_values
inner join {{ ref('labelers') }} as labelers
    on
        label_values.labeler = labelers.labeler
        and label_values.version = labelers.version
where
    label_values.labeler = 'language'
    and label_values.label = 'language'
    and {{ known_then('label_values.labelled_at') }}
