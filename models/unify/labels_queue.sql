{{ config(
    materialized='table',
    tags=['queue'],
    post_hook="{{ write_lake_file(this, 'queue', 'publish=' ~ run_parameter('publish_id'), 'labels.parquet', 'labeler, priority, event_us desc, uri') }}",
) }}

with labelers as (

    select
        labeler,
        version,
        needs,
        labeler_bit
    from ({{ labelers_with_bits() }}) as labelers
    where
        {{ 'in_demo' if run_parameter('label_profile') == 'demo' else 'in_study' }}
        and (asked_until is null or {{ utc_day(as_of_us()) }} <= asked_until)

),

served_posts as (

    select distinct uri
    from {{ source('raw', 'exposures') }}
    -- nothing was served before there was such a post
    where
        uri is not null
        and dt >= {{ lookback_since_day() }}

),

-- Whom participants follow has no say: this file is in the shared lake, and the order of a queue would tell.
posts as (

    select
        recent.uri,
        recent.cid,
        recent.is_eligible,
        case when served_posts.uri is not null then 1 else 2 end as priority
    from {{ ref('int_posts__recent') }} as recent
    left join served_posts on recent.uri = served_posts.uri

),

-- A label is younger than the post that it is about, so answers from before the lookback are about none of these.
answered_posts as (

    select
        uri,
        cid,
        labeler_bits
    from {{ ref('base_labels__answered') }}
    where {{ within_lookback('last_labelled_at') }}

),

embedded_posts as (

    {{ bits_of_posts(ref('base_labels__embedded'), within_lookback('answers.labelled_at')) }}

),

failures as (

    select
        uri,
        cid,
        labeler,
        version,
        attempts
    from {{ ref('base_labels__failed') }}
    where {{ within_lookback('last_labelled_at') }}

),

posts_with_answers as (

    select
        posts.*,
        coalesce(answered_posts.labeler_bits, 0) as answered_bits,
        coalesce(embedded_posts.labeler_bits, 0) as embedded_bits
    from posts
    left join answered_posts
        on
            posts.uri = answered_posts.uri
            and posts.cid = answered_posts.cid
    left join embedded_posts
        on
            posts.uri = embedded_posts.uri
            and posts.cid = embedded_posts.cid

),

questions as (

    select
        posts.uri,
        posts.cid,
        posts.priority,
        labelers.labeler,
        labelers.version
    from posts_with_answers as posts
    cross join labelers
    where
        (labelers.needs = 'any' or posts.is_eligible)
        and not {{ has_bit('posts.answered_bits', 'labelers.labeler_bit') }}
        and not {{ has_bit('posts.embedded_bits', 'labelers.labeler_bit') }}

)

-- What a post says is looked up for those that are asked about, few of all that were compared with their answers.
select
    ---------- whom to ask
    questions.labeler,
    cast(questions.version as varchar) as version,

    ---------- about what
    questions.uri,
    questions.cid,
    said.did,
    said.text,

    ---------- how
    cast(coalesce(failures.attempts, 0) + 1 as integer) as attempt,
    cast(questions.priority as integer) as priority,
    coalesce(failures.attempts, 0) >= {{ filter_parameter('max_label_attempts') }} as is_dead_letter,

    ---------- times, microseconds UTC
    said.event_us
from questions
inner join {{ ref('int_posts__standardised') }} as said
    on
        questions.uri = said.uri
        and {{ within_lookback('said.event_us') }}
left join failures
    on
        questions.uri = failures.uri
        and questions.cid = failures.cid
        and questions.labeler = failures.labeler
        and questions.version = failures.version
