with latest as (

    select
        'raw/records' as lake_table,
        max(last_event_us) as latest_us
    from {{ ref('base_lake__record_files') }}
    union all
    select
        'labels/values' as lake_table,
        max(labelled_at) as latest_us
    from (
        select labelled_at from {{ ref('base_labels__values') }}
        union all
        select last_labelled_at from {{ ref('base_labels__answered') }}
        union all
        select last_labelled_at from {{ ref('base_labels__failed') }}
    ) as label_rows
    union all
    select
        'labels/embeddings' as lake_table,
        max(labelled_at) as latest_us
    from {{ ref('base_labels__embedded') }}
    union all
    select
        'raw/moderation_labels' as lake_table,
        max(event_us) as latest_us
    from {{ source('raw', 'moderation_labels') }}
    union all
    select
        'raw/exposures' as lake_table,
        max(served_us) as latest_us
    from {{ source('raw', 'exposures') }}

)

select
    ---------- what
    latest.lake_table,

    ---------- numerics
    (clock.as_of_us - latest.latest_us) / cast(1000000 as double) as lag_seconds,

    ---------- times, microseconds UTC
    latest.latest_us
from latest
cross join {{ ref('stg_cycle__clock') }} as clock
