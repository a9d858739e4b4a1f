{{ config(tags=['history']) }}

with served_posts as (

    select distinct
        coalesce(arm_assigned, '_none') as arm,
        policy_served,
        uri
    from {{ ref('fct_exposures') }}
    where uri is not null

),

wanted_labels as (

    select
        'ranking' as used_for,
        precedence.label as wanted_label,
        precedence.labeler,
        labelers.version,
        precedence.source_label
    from {{ ref('label_precedence') }} as precedence
    inner join {{ ref('labelers') }} as labelers on precedence.labeler = labelers.labeler
    where precedence.profile = '{{ run_parameter("label_profile") }}'
    union all
    select
        'outcome' as used_for,
        label as wanted_label,
        labeler,
        version,
        source_label
    from {{ ref('outcome_labels') }}

),

labels_of_use as (

    select distinct
        used_for,
        wanted_label
    from wanted_labels

),

served_uris as (

    select distinct uri from served_posts

),

known_labels as (

    select distinct
        wanted_labels.used_for,
        wanted_labels.wanted_label,
        label_values.uri
    from {{ ref('base_labels__values') }} as label_values
    inner join served_uris on label_values.uri = served_uris.uri
    inner join wanted_labels
        on
            label_values.labeler = wanted_labels.labeler
            and label_values.version = wanted_labels.version
            and label_values.label = wanted_labels.source_label
    where label_values.score is not null

),

final as (

    select
        ---------- what
        served_posts.arm,
        served_posts.policy_served,
        labels_of_use.used_for,
        labels_of_use.wanted_label,

        ---------- numerics
        count(*) as posts,
        count(known_labels.uri) as labelled,
        round(count(known_labels.uri) / cast(count(*) as double), 6) as coverage
    from served_posts
    cross join labels_of_use
    left join known_labels
        on
            labels_of_use.used_for = known_labels.used_for
            and labels_of_use.wanted_label = known_labels.wanted_label
            and served_posts.uri = known_labels.uri
    group by served_posts.arm, served_posts.policy_served, labels_of_use.used_for, labels_of_use.wanted_label

)

select * from final
