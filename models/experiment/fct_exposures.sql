with exposures as (

    select * from {{ ref('stg_serving__exposures') }}
    where position is not null

),

feeds as (

    select * from {{ ref('stg_feeds__published') }}

),

reported as (

    select * from {{ ref('int_exposures__reported') }}

),

requests as (

    select
        req_id,
        request_kind
    from {{ ref('fct_feed_requests') }}

),

-- A post may stand at another place in the answer than in its feed: posts deleted since are left out when it is sent.
final as (

    select
        ---------- ids
        exposures.req_id,
        exposures.participant_id,
        exposures.study,
        exposures.generation,
        exposures.uri,

        ---------- what was sent
        exposures.arm_assigned,
        exposures.policy_served,
        exposures.policy_version,
        exposures.fallback_reason,
        exposures.position,

        ---------- how it got there; null where the generation is no longer in the lake
        feeds.position as feed_position,
        feeds.position_before_shuffle,
        feeds.shuffle_offset,
        feeds.propensity,
        feeds.score,
        feeds.credited_policy,
        feeds.counterfactual_positions,
        feeds.is_in_network,
        feeds.served_before,

        ---------- what was asked, and what the client reported of the post
        requests.request_kind,
        requests.request_kind in ('reading', 'prefetch') as is_for_reading,
        reported.seen_us,
        reported.engaged_us,

        ---------- times, microseconds UTC
        exposures.served_us
    from exposures
    left join feeds
        on
            exposures.generation = feeds.generation
            and exposures.uri = feeds.uri
            and feeds.participant_id = case
                when exposures.fallback_reason is null then exposures.participant_id else '_default'
            end
    left join requests on exposures.req_id = requests.req_id
    left join reported
        on
            exposures.req_id = reported.req_id
            and exposures.uri = reported.uri

)

select * from final
