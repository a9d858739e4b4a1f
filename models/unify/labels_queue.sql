{{ config(
    materialized='table',
    tags=['queue'],
    post_hook="{{ write_lake_file(this, 'queue', 'publish=' ~ run_parameter('publish_id'), 'labels.parquet', 'labeler, priority, event_us desc, uri') }}",
) }}

with labelers as (

    select
        labeler,
        version,
        needs
    from {{ ref('labelers') }}
    where
        {{ 'in_demo' if run_parameter('label_profile') == 'demo' else 'in_study' }}
        and (asked_until is null or {{ utc_day(as_of_us()) }} <= asked_until)

),

served_posts as (

    select distinct uri
    from {{ source('raw', 'exposures') }}
    where uri is not null

),

-- Whom participants follow has no say: this file is in the shared lake, and the order of a queue would tell.
posts as (

    select
        filtered.uri,
        filtered.cid,
        filtered.did,
        filtered.text,
        filtered.is_eligible,
        filtered.event_us,
        case when served_posts.uri is not null then 1 else 2 end as priority
    from {{ ref('int_posts__filtered') }} as filtered
    left join served_posts on filtered.uri = served_posts.uri
    where
        filtered.passes_all_but_language
        and {{ within_lookback('filtered.event_us') }}

),

asked as (

    select
        label_values.uri,
        label_values.cid,
        label_values.labeler,
        label_values.version,
        label_values.is_labelled or label_values.is_refused as is_answered,
        label_values.attempts
    from {{ ref('base_labels__asked') }} as label_values

),

embedded as (

    select
        uri,
        cid,
        labeler,
        version
    from {{ ref('base_labels__embedded') }}

)

select
    ---------- whom to ask
    labelers.labeler,
    cast(labelers.version as varchar) as version,

    ---------- about what
    posts.uri,
    posts.cid,
    posts.did,
    posts.text,

    ---------- how
    cast(coalesce(asked.attempts, 0) + 1 as integer) as attempt,
    cast(posts.priority as integer) as priority,
    coalesce(asked.attempts, 0) >= {{ filter_parameter('max_label_attempts') }} as is_dead_letter,

    ---------- times, microseconds UTC
    posts.event_us
from posts
cross join labelers
left join asked
    on
        posts.uri = asked.uri
        and posts.cid = asked.cid
        and labelers.labeler = asked.labeler
        and labelers.version = asked.version
left join embedded
    on
        posts.uri = embedded.uri
        and posts.cid = embedded.cid
        and labelers.labeler = embedded.labeler
        and labelers.version = embedded.version
where
    (labelers.needs = 'any' or posts.is_eligible)
    and not coalesce(asked.is_answered, false)
    and embedded.uri is null
