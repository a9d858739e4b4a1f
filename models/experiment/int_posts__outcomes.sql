{{ config(materialized='view') }}

-- Of two answers to the same question the first stays, as in what ranks.
with given as (

    select
        label_values.uri,
        label_values.cid,
        outcome_labels.label as outcome_label,
        outcome_labels.labeler,
        outcome_labels.version,
        label_values.score,
        label_values.labelled_at,
        row(label_values.labelled_at, label_values.run_id, label_values.attempt, label_values.score) as preference
    from {{ ref('stg_labels__values') }} as label_values
    inner join {{ ref('outcome_labels') }} as outcome_labels
        on
            label_values.labeler = outcome_labels.labeler
            and label_values.version = outcome_labels.version
            and label_values.label = outcome_labels.source_label
    where
        label_values.status = 'ok'
        and label_values.score is not null

),

final as (

    select
        given.uri,
        given.cid,
        given.outcome_label,
        given.labeler,
        given.version,
        {{ at_first('given.score', 'given.preference') }} as score,
        {{ at_first('given.labelled_at', 'given.preference') }} as labelled_at
    from given
    group by given.uri, given.cid, given.outcome_label, given.labeler, given.version

)

select * from final
