{{ config(materialized='table') }}

with answers as (

    select
        req_id,
        participant_id,
        study,
        arm_assigned,
        policy_served,
        fallback_reason,
        generation,
        feed_offset,
        page_limit,
        client,
        jti_reused,
        served_us,
        cast(count(position) as integer) as posts_served
    from {{ ref('stg_serving__exposures') }}
    group by
        req_id,
        participant_id,
        study,
        arm_assigned,
        policy_served,
        fallback_reason,
        generation,
        feed_offset,
        page_limit,
        client,
        jti_reused,
        served_us

),

answers_with_probes as (

    select
        *,
        feed_offset = 0 and page_limit <= {{ serving_parameter('probe_limit') }} as is_probe
    from answers

),

-- Readers who are not participants can't be told from one another: what they asked before is not known.
answers_with_the_one_before as (

    select
        *,
        lag(served_us) over (
            partition by participant_id, generation, feed_offset, page_limit
            order by served_us, req_id
        ) as same_page_us,
        lag(served_us) over (
            partition by participant_id, generation, is_probe
            order by served_us, req_id
        ) as page_before_us,
        lag(feed_offset) over (
            partition by participant_id, generation, is_probe
            order by served_us, req_id
        ) as offset_before
    from answers_with_probes

),

reported as (

    select
        req_id,
        cast(count(seen_us) as integer) as posts_seen,
        cast(count(engaged_us) as integer) as posts_engaged
    from {{ ref('int_exposures__reported') }}
    group by req_id

),

reporting as (

    select distinct participant_id
    from {{ ref('stg_serving__interactions') }}
    where context_valid

),

final as (

    select
        ---------- ids
        answers.req_id,
        answers.participant_id,
        answers.study,
        answers.generation,

        ---------- what was asked
        case
            when answers.is_probe then 'probe'
            when
                answers.participant_id is not null
                and answers.served_us - answers.same_page_us
                <= {{ serving_parameter('duplicate_seconds') }} * 1000000
                then 'duplicate'
            when
                answers.participant_id is not null
                and answers.feed_offset > answers.offset_before
                and answers.served_us - answers.page_before_us
                <= {{ serving_parameter('prefetch_seconds') }} * 1000000
                then 'prefetch'
            else 'reading'
        end as request_kind,
        answers.feed_offset,
        answers.page_limit,
        answers.jti_reused,
        answers.client,

        ---------- what was sent
        answers.arm_assigned,
        answers.policy_served,
        answers.fallback_reason,
        answers.posts_served,

        ---------- what the client reported; null where the participant's clients report nothing
        reporting.participant_id is not null as client_reports,
        case when reporting.participant_id is not null then coalesce(reported.posts_seen, 0) end as posts_seen,
        case when reporting.participant_id is not null then coalesce(reported.posts_engaged, 0) end as posts_engaged,

        ---------- times, microseconds UTC
        answers.served_us
    from answers_with_the_one_before as answers
    left join reported on answers.req_id = reported.req_id
    left join reporting on answers.participant_id = reporting.participant_id

)

select * from final
