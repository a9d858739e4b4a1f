{{ config(
    materialized='folded',
    increment_of='base_bluesky__records',
    unique_key=['file_name', 'collection_group', 'captured_by', 'event_hour'],
    keeps='files',
) }}

select
    ---------- ids
    file_name,
    collection_group,
    captured_by,
    {{ utc_hour('event_us') }} as event_hour,

    ---------- numerics
    count(*) as operations,
    count(*) filter (where is_live) as live_operations,
    count(*) filter (where verified) as verified_operations,
    count(*) filter (where operation = 'delete') as deletes,

    ---------- times, microseconds UTC
    min(event_us) as first_event_us,
    max(event_us) as last_event_us,
    min(event_us) filter (where is_live) as first_live_event_us,
    max(event_us) filter (where is_live) as last_live_event_us
from {{ ref('base_bluesky__records') }}
group by file_name, collection_group, captured_by, {{ utc_hour('event_us') }}
