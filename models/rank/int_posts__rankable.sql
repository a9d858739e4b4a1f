{{ config(post_hook="{{ write_lake_file(
    this, 'feeds', 'generation=' ~ run_parameter('generation') ~ '/inputs', 'scored.parquet', 'uri'
) }}") }}

with posts as (

    select * from {{ ref('int_posts__measured') }}
    where event_us <= {{ as_of_us() }}

),

-- A record or account that may be shown again has a later row that says so.
latest_tombstones as (

    select
        kind,
        did,
        uri,
        is_hidden,
        event_us,
        row_number() over (partition by kind, did, uri order by event_us desc, is_hidden desc) as newest_first
    from {{ ref('stg_serving__tombstones') }}

),

hidden_records as (

    select uri from latest_tombstones
    where newest_first = 1 and is_hidden and kind = 'record'

),

hidden_accounts as (

    select did from latest_tombstones
    where newest_first = 1 and is_hidden and kind = 'account'

),

similarities as (

    select
        uri,
        similarity
    from {{ ref('stg_similarity__posts') }}

),

final as (

    select
        ---------- ids
        posts.uri,
        posts.cid,
        posts.author_did,

        ---------- numerics
        posts.likes,
        similarities.similarity,
        ({{ as_of_us() }} - posts.event_us) / cast(3600000000 as double) as age_hours,
        posts.toxic,
        posts.constructive,
        posts.sociopolitical,

        ---------- booleans
        coalesce(posts.is_superposter, false) as is_superposter,

        ---------- times, microseconds UTC
        posts.event_us
    from posts
    left join similarities on posts.uri = similarities.uri
    where
        not exists (
            select 1 from hidden_records
            -- Whenever it was witnessed: serving leaves out a key that was deleted once, made anew or not.
            where hidden_records.uri = posts.uri
        )
        and not exists (
            select 1 from hidden_accounts
            where hidden_accounts.did = posts.author_did
        )

)

select * from final
