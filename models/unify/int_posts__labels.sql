with posts as (

    select
        uri,
        cid
    from {{ ref('int_posts__eligible') }}

),

precedence as (

    select
        precedence.label as unified_label,
        precedence.labeler,
        precedence.source_label,
        precedence.priority,
        labelers."version"
    from {{ ref('label_precedence') }} as precedence
    inner join {{ ref('labelers') }} as labelers
        on precedence.labeler = labelers.labeler
    where precedence.profile = '{{ var("label_profile") }}'

),

-- A post that was asked about twice keeps the first answer, so that a feed can be rebuilt from what it was ranked on.
candidate_labels as (

    select
        label_values.uri,
        label_values.cid,
        precedence.unified_label,
        label_values.labeler,
        label_values."version",
        label_values.score,
        label_values.labelled_at,
        row(
            precedence.priority, label_values.labelled_at, label_values.run_id, label_values.attempt, label_values.score
        ) as preference
    from {{ ref('stg_labels__values') }} as label_values
    inner join precedence
        on
            label_values.labeler = precedence.labeler
            and label_values."version" = precedence."version"
            and label_values."label" = precedence.source_label
    where
        label_values."status" = 'ok'
        and label_values.score is not null

)

select
    ---------- ids
    posts.uri,
    posts.cid,

    ---------- labels
    {%- for label in unified_labels() %}
    min_by(candidate_labels.score, preference) filter (where unified_label = '{{ label }}') as {{ label }},
    min_by(candidate_labels.labeler, preference) filter (where unified_label = '{{ label }}') as {{ label }}_labeler,
    min_by(candidate_labels."version", preference) filter (where unified_label = '{{ label }}') as {{ label }}_version,
    min_by(candidate_labels.labelled_at, preference) filter (
        where unified_label = '{{ label }}'
    ) as {{ label }}_labelled_at{{ ',' if not loop.last }}
    {%- endfor %}
from posts
inner join candidate_labels
    on
        posts.uri = candidate_labels.uri
        and posts.cid = candidate_labels.cid
group by posts.uri, posts.cid
