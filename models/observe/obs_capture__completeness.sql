with records_by_hour as (

    select
        {{ utc_hour('event_us') }} as event_hour,
        collection_group,
        count(*) as operations,
        count(*) filter (where is_live) as live_operations,
        count(*) filter (where verified) as verified_operations,
        count(*) filter (where operation = 'delete') as deletes,
        min(event_us) as first_event_us,
        max(event_us) as last_event_us
    from {{ ref('base_bluesky__records') }}
    group by {{ utc_hour('event_us') }}, collection_group

),

-- What was said last of a gap is so.
gaps as (

    select
        gap_id,
        max_by(state, row(event_us, ingested_at, segment)) as state,
        min(from_us) as from_us,
        max(to_us) as to_us,
        max(collection) as collection_group,
        max(did) as did
    from {{ source('raw', 'gaps') }}
    group by gap_id

),

open_gaps as (

    select
        collection_group,
        from_us,
        to_us
    from gaps
    where state = 'open' and did is null

)

select
    ---------- what
    records_by_hour.event_hour,
    records_by_hour.collection_group,

    ---------- numerics
    records_by_hour.operations,
    records_by_hour.live_operations,
    records_by_hour.verified_operations,
    records_by_hour.deletes,
    count(open_gaps.from_us) as open_gaps,

    ---------- booleans
    count(open_gaps.from_us) = 0 and records_by_hour.live_operations > 0 as is_complete,

    ---------- times, microseconds UTC
    records_by_hour.first_event_us,
    records_by_hour.last_event_us
from records_by_hour
left join open_gaps
    on
        records_by_hour.last_event_us >= open_gaps.from_us
        and (open_gaps.to_us is null or records_by_hour.first_event_us <= open_gaps.to_us)
        -- a gap may be of a pattern such as 'app.bsky.feed.*'
        and (
            open_gaps.collection_group is null
            or records_by_hour.collection_group like replace(open_gaps.collection_group, '*', '%')
        )
group by
    records_by_hour.event_hour,
    records_by_hour.collection_group,
    records_by_hour.operations,
    records_by_hour.live_operations,
    records_by_hour.verified_operations,
    records_by_hour.deletes,
    records_by_hour.first_event_us,
    records_by_hour.last_event_us
