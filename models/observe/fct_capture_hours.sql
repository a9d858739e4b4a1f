{{ config(
    tags=['observe'],
    post_hook="{{ write_observation(this, 'capture_hours.parquet', 'event_hour') }}",
) }}

with captured as (

    select
        event_hour,
        cast(sum(operations) as bigint) as operations,
        cast(sum(live_operations) as bigint) as live_operations,
        cast(sum(verified_operations) as bigint) as verified_operations,
        cast(sum(deletes) as bigint) as deletes,
        max(last_event_us) as last_event_us
    from {{ ref('obs_capture__completeness') }}
    group by event_hour

),

bounds as (

    select
        clock.first_live_event_us as from_us,
        max(captured.last_event_us) as to_us
    from captured
    cross join {{ ref('stg_cycle__clock') }} as clock
    where clock.first_live_event_us is not null
    group by clock.first_live_event_us

),

-- Every hour from the first one witnessed live to the newest: one in which nothing came in is a row as well.
hours as (

    select
        hour_us,
        {{ utc_hour('hour_us') }} as event_hour
    from ({{ hours_between('(select from_us from bounds)', '(select to_us from bounds)') }}) as hours_of_capture

),

-- What all statements about a gap come to. What is left out by choice is said by collection, in
-- obs_capture__completeness; labels of moderators come by a stream of their own.
gaps as (

    select
        gap_id,
        {{ gap_state('state') }} as last_state,
        {{ at_latest('did', 'row(event_us, ingested_at, segment)') }} as did,
        {{ gap_begins() }} as from_us,
        coalesce(max(to_us), max(event_us)) as to_us
    from {{ source('raw', 'gaps') }}
    where
        kind <> 'collections_changed'
        and source <> 'moderation'
    group by gap_id

),

gaps_of_hours as (

    select
        hours.event_hour,
        count(*) as gaps,
        count(*) filter (where gaps.last_state = 'open') as open_gaps
    from hours
    inner join gaps
        on
            hours.hour_us <= gaps.to_us
            and hours.hour_us + 3600000000 > coalesce(gaps.from_us, 0)
    where gaps.did is null
    group by hours.event_hour

),

rejected as (

    select
        {{ utc_hour('event_us') }} as event_hour,
        count(*) as rejected_events
    from {{ source('raw', 'rejected') }}
    group by {{ utc_hour('event_us') }}

),

final as (

    select
        ---------- when
        hours.event_hour,
        hours.hour_us,

        ---------- numerics
        coalesce(captured.operations, 0) as operations,
        coalesce(captured.live_operations, 0) as live_operations,
        coalesce(captured.verified_operations, 0) as verified_operations,
        coalesce(captured.deletes, 0) as deletes,
        coalesce(rejected.rejected_events, 0) as rejected_events,
        coalesce(gaps_of_hours.gaps, 0) as gaps,
        coalesce(gaps_of_hours.open_gaps, 0) as open_gaps,

        ---------- booleans
        coalesce(captured.live_operations, 0) = 0 as is_silent,
        coalesce(captured.live_operations, 0) > 0 and coalesce(gaps_of_hours.open_gaps, 0) = 0 as is_complete,
        coalesce(captured.live_operations, 0) > 0 or coalesce(gaps_of_hours.gaps, 0) > 0 as is_explained
    from hours
    left join captured on hours.event_hour = captured.event_hour
    left join gaps_of_hours on hours.event_hour = gaps_of_hours.event_hour
    left join rejected on hours.event_hour = rejected.event_hour

)

select * from final
