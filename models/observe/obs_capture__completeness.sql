with records_by_hour as (

    select
        event_hour,
        collection_group,
        cast(sum(operations) as bigint) as operations,
        cast(sum(live_operations) as bigint) as live_operations,
        cast(sum(verified_operations) as bigint) as verified_operations,
        cast(sum(deletes) as bigint) as deletes,
        min(first_event_us) as first_event_us,
        max(last_event_us) as last_event_us,
        {{ whole_units('min(first_event_us)', 3600000000) }} * 3600000000 as hour_us
    from {{ ref('base_lake__record_files') }}
    group by event_hour, collection_group

),

-- What all statements about a gap come to.
gaps as (

    select
        gap_id,
        {{ gap_state('state') }} as state,
        {{ gap_begins() }} as from_us,
        max(to_us) as to_us,
        max(collection) as collection_group,
        max(did) as did
    from {{ source('raw', 'gaps') }}
    where source <> 'moderation'
    group by gap_id

),

open_gaps as (

    select
        gap_id,
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
    count(open_gaps.gap_id) as open_gaps,

    ---------- booleans
    count(open_gaps.gap_id) = 0 and records_by_hour.live_operations > 0 as is_complete,

    ---------- times, microseconds UTC
    records_by_hour.first_event_us,
    records_by_hour.last_event_us
from records_by_hour
left join open_gaps
    -- the events of an hour end where a gap in it begins: it is the hour that they have in common
    on
        records_by_hour.hour_us + 3600000000 > coalesce(open_gaps.from_us, 0)
        and (open_gaps.to_us is null or records_by_hour.hour_us <= open_gaps.to_us)
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
