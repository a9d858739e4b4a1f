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
        labelers.version
    from {{ ref('label_precedence') }} as precedence
    inner join {{ ref('labelers') }} as labelers
        on precedence.labeler = labelers.labeler
    where precedence.profile = '{{ run_parameter("label_profile") }}'

),

-- A post that was asked about twice keeps the first answer, so that a feed can be rebuilt from what it was ranked on.
candidate_labels as (

    select
        label_values.uri,
        label_values.cid,
        precedence.unified_label,
        label_values.labeler,
        label_values.version,
        label_values.score,
        label_values.labelled_at,
        row(
            precedence.priority, label_values.labelled_at, label_values.run_id, label_values.attempt, label_values.score
        ) as preference
    from {{ ref('stg_labels__values') }} as label_values
    inner join precedence
        on
            label_values.labeler = precedence.labeler
            and label_values.version = precedence.version
            and label_values.label = precedence.source_label
    where
        label_values.status = 'ok'
        and label_values.score is not null

),

chosen_labels as (

    select
        candidate_labels.uri,
        candidate_labels.cid,
        candidate_labels.unified_label,
        {{ at_first('candidate_labels.score', 'candidate_labels.preference') }} as score,
        {{ at_first('candidate_labels.labeler', 'candidate_labels.preference') }} as labeler,
        {{ at_first('candidate_labels.version', 'candidate_labels.preference') }} as version,
        {{ at_first('candidate_labels.labelled_at', 'candidate_labels.preference') }} as labelled_at
    from candidate_labels
    inner join posts
        on
            candidate_labels.uri = posts.uri
            and candidate_labels.cid = posts.cid
    group by candidate_labels.uri, candidate_labels.cid, candidate_labels.unified_label

)

-- One row a label became one column a label; max() only names the one value that there is.
select
    {%- for label in unified_labels() %}
    max(case when unified_label = '{{ label }}' then score end) as {{ label }},
    max(case when unified_label = '{{ label }}' then labeler end) as {{ label }}_labeler,
    max(case when unified_label = '{{ label }}' then version end) as {{ label }}_version,
    max(case when unified_label = '{{ label }}' then labelled_at end) as {{ label }}_labelled_at,
    {%- endfor %}
    uri,
    cid
from chosen_labels
group by uri, cid
