with interactions as (

    select * from {{ ref('stg_serving__interactions') }}
    where context_valid and uri is not null

),

-- A context is of an answer and not of a post: a client may name a post that the answer didn't hold.
sent as (

    select distinct
        req_id,
        uri
    from {{ ref('stg_serving__exposures') }}
    where uri is not null

),

reported as (

    select
        interactions.req_id,
        interactions.uri,
        min(case when events.kind = 'seen' then interactions.received_us end) as seen_us,
        min(case when events.kind = 'engaged' then interactions.received_us end) as engaged_us,
        min(case when events.kind = 'wish' then interactions.received_us end) as wished_us
    from interactions
    inner join sent
        on
            interactions.req_id = sent.req_id
            and interactions.uri = sent.uri
    inner join {{ ref('interaction_events') }} as events on interactions.event = events.event
    group by interactions.req_id, interactions.uri

)

select * from reported
