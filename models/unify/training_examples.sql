{{ config(
    materialized='table',
    tags=['training'],
    post_hook="{{ write_lake_file(this, '', 'training/publish=' ~ run_parameter('publish_id'), 'examples.parquet', 'labeler, source_label, event_us, uri, cid') }}",
) }}

with teachers as (

    select distinct
        precedence.labeler,
        precedence.source_label,
        labelers.version
    from {{ ref('label_precedence') }} as precedence
    inner join {{ ref('labelers') }} as labelers on precedence.labeler = labelers.labeler

),

answers as (

    select
        label_values.uri,
        label_values.cid,
        teachers.labeler,
        teachers.version,
        teachers.source_label,
        label_values.score,
        row(label_values.labelled_at, label_values.run_id, label_values.attempt, label_values.score) as preference
    from {{ ref('stg_labels__values') }} as label_values
    inner join teachers
        on
            label_values.labeler = teachers.labeler
            and label_values.version = teachers.version
            and label_values.label = teachers.source_label
    where
        label_values.status = 'ok'
        and label_values.score is not null

),

-- Of two answers to the same question the first counts, as in what ranks.
scores as (

    select
        answers.uri,
        answers.cid,
        answers.labeler,
        answers.version,
        answers.source_label,
        {{ at_first('answers.score', 'answers.preference') }} as score
    from answers
    group by answers.uri, answers.cid, answers.labeler, answers.version, answers.source_label

)

-- What its author deleted teaches nobody any more.
select
    posts.uri,
    posts.cid,
    posts.did,
    posts.text,
    posts.event_us,
    scores.labeler,
    scores.version,
    scores.source_label,
    scores.score
from scores
inner join {{ ref('int_posts__standardised') }} as posts
    on
        scores.uri = posts.uri
        and scores.cid = posts.cid
where not posts.is_deleted
