{{ config(materialized='table') }}

{% set told_us = run_parameter('as_of_us') | int %}

with latest_event as (

    select
        max(event_us) as latest_event_us,
        min(event_us) filter (where is_live) as first_live_event_us
    from (
        select
            event_us,
            live as is_live
        from {{ source('raw', 'records') }}
    ) as events

)

select
    cast({{ told_us if told_us > 0 else 'coalesce(latest_event_us, 0)' }} as bigint) as as_of_us,
    first_live_event_us
from latest_event
