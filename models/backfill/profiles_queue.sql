-- Participants are among them, so the file goes to the private lake.
{{ config(
    materialized='table',
    tags=['history'],
    post_hook="{{ write_lake_file(
        this, '', 'backfill/publish=' ~ run_parameter('publish_id'), 'profiles.parquet', 'priority, did', lake='FEEDTRIAL_PRIVATE_LAKE'
    ) }}",
) }}

with accounts as (

    select
        did,
        1 as priority
    from {{ ref('stg_study__participants') }}
    where status <> 'withdrawn'

    union all

    select
        did,
        2 as priority
    from {{ ref('stg_bluesky__posts') }}
    where
        not is_deleted
        and event_us > {{ as_of_us() }} - 86400000000 * {{ backfill_parameter('profile_author_days') }}

),

accounts_by_did as (

    select
        did,
        min(priority) as priority
    from accounts
    group by did

),

asked_lately as (

    select did
    from {{ ref('stg_backfill__questions') }}
    where
        kind = 'profile'
        and outcome <> 'failed'
        and asked_us > {{ as_of_us() }} - 86400000000 * {{ backfill_parameter('profile_max_age_days') }}

)

select
    accounts_by_did.did,
    cast(accounts_by_did.priority as integer) as priority
from accounts_by_did
left join asked_lately on accounts_by_did.did = asked_lately.did
where asked_lately.did is null
