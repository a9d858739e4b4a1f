{{ config(
    materialized='table',
    tags=['queue'],
    post_hook="{{ write_lake_file(this, 'queue', 'publish=' ~ run_parameter('publish_id'), 'labels.parquet', 'labeler, priority, event_us desc, uri') }}",
) }}

-- Each labeler has a power of two, so that one number says which of them have answered about a post.
with labelers as (

    select
        labeler,
        version,
        needs,
        cast(power(2, row_number() over (order by labeler asc) - 1) as bigint) as labeler_bit
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

answers as (

    select
        uri,
        cid,
        labeler,
        version
    from {{ ref('base_labels__asked') }}
    where is_labelled or is_refused
    union all
    select
        uri,
        cid,
        labeler,
        version
    from {{ ref('base_labels__embedded') }}

),

answered_posts as (

    select
        answers.uri,
        answers.cid,
        {{ bits_together('labelers.labeler_bit') }} as labeler_bits
    from answers
    inner join labelers
        on
            answers.labeler = labelers.labeler
            and answers.version = labelers.version
    group by answers.uri, answers.cid

),

failures as (

    select
        uri,
        cid,
        labeler,
        version,
        attempts
    from {{ ref('base_labels__asked') }}
    where not (is_labelled or is_refused)

),

posts_with_answers as (

    select
        posts.*,
        coalesce(answered_posts.labeler_bits, 0) as labeler_bits
    from posts
    left join answered_posts
        on
            posts.uri = answered_posts.uri
            and posts.cid = answered_posts.cid

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
    cast(coalesce(failures.attempts, 0) + 1 as integer) as attempt,
    cast(posts.priority as integer) as priority,
    coalesce(failures.attempts, 0) >= {{ filter_parameter('max_label_attempts') }} as is_dead_letter,

    ---------- times, microseconds UTC
    posts.event_us
from posts_with_answers as posts
cross join labelers
left join failures
    on
        posts.uri = failures.uri
        and posts.cid = failures.cid
        and labelers.labeler = failures.labeler
        and labelers.version = failures.version
where
    (labelers.needs = 'any' or posts.is_eligible)
    and mod(floor(posts.labeler_bits / labelers.labeler_bit), 2) = 0
