{{ config(materialized='table') }}

{% set told_us = run_parameter('as_of_us') | int %}

with latest_event as (

    select
        max(last_event_us) as latest_event_us,
        min(first_live_event_us) as first_live_event_us
    from {{ ref('base_lake__record_files') }}

)

select
    cast({{ told_us if told_us > 0 else 'coalesce(latest_event_us, 0)' }} as bigint) as as_of_us,
    first_live_event_us
from latest_event
