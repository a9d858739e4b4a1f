with language_labels as (

    select
        label_values.*,
        row(
            label_values.labelled_at, label_values.run_id, label_values.attempt, label_values.text_value
        ) as first_of_all
    from {{ ref('stg_labels__values') }} as label_values
    inner join {{ ref('labelers') }} as labelers
        on
            label_values.labeler = labelers.labeler
            and label_values.version = labelers.version
    where
        label_values.labeler = 'language'
        and label_values.label = 'language'
        and label_values.status = 'ok'

)

select
    ---------- ids
    uri,
    cid,

    ---------- values
    {{ at_first('text_value', 'first_of_all') }} as language,
    {{ at_first('score', 'first_of_all') }} as language_score
from language_labels
group by uri, cid
