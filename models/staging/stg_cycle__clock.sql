{{ config(materialized='table') }}

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
    cast(
        {% if var('as_of_us') | int > 0 %}{{ var('as_of_us') }}{% else %}coalesce(latest_event_us, 0){% endif %} as bigint
    ) as as_of_us,
    first_live_event_us
from latest_event
