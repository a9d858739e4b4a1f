with first_like as (

    {% if run_parameter('known_at_us') | int > 0 %}
    select min(event_us) as event_us
    from {{ ref('stg_bluesky__likes') }}
    where is_live and {{ known_then('live_ingested_at') }}
    {% else %}
    -- the same from a few rows a file
    select min(first_live_event_us) as event_us
    from {{ ref('base_lake__record_files') }}
    where collection_group = 'app.bsky.feed.like'
    {% endif %}

),

-- Gaps that say that likes were left out, by their name or by a pattern such as 'app.bsky.feed.*'; null stands for
-- whatever was left out.
gaps_of_likes as (

    select
        gaps.source,
        gaps.from_us,
        gaps.collection,
        -- said without an end when they are left out, with one when they are kept again
        max(gaps.to_us) as to_us
    from {{ source('raw', 'gaps') }} as gaps
    where
        gaps.kind = 'collections_changed'
        and gaps.did is null
        and coalesce(gaps.from_us, 0) <= {{ as_of_us() }}
        and {{ known_then('gaps.ingested_at') }}
        and (gaps.collection is null or 'app.bsky.feed.like' like replace(gaps.collection, '*', '%'))
    group by gaps.source, gaps.from_us, gaps.collection

),

-- Null and patterns are also said where likes were kept by name all along: then some came in.
whiles_with_likes as (

    select distinct
        gaps_of_likes.from_us,
        gaps_of_likes.collection
    from {{ ref('stg_bluesky__likes') }} as likes
    -- there are few of them and mostly none: then no like is read
    inner join gaps_of_likes
        on
            likes.event_us >= gaps_of_likes.from_us
            and likes.live_ingested_at < gaps_of_likes.to_us
            and (gaps_of_likes.collection is null or gaps_of_likes.collection <> 'app.bsky.feed.like')
    where
        likes.is_live
        and {{ known_then('likes.live_ingested_at') }}

),

newest as (

    select max(least(last_event_us, {{ as_of_us() }})) as event_us
    from {{ ref('base_lake__record_files') }}
    where first_event_us <= {{ as_of_us() }}

),

-- What one capture leaves out another may keep: live likes by other sources than the one that leaves them out, file by
-- file, with how far those before had come.
likes_of_others as (

    select
        gaps_of_likes.source,
        gaps_of_likes.from_us,
        gaps_of_likes.collection,
        coalesce(gaps_of_likes.to_us, newest.event_us) as to_us,
        files.first_live_event_us as first_us,
        files.last_live_event_us as last_us,
        coalesce(
            max(files.last_live_event_us) over (
                partition by gaps_of_likes.source, gaps_of_likes.from_us, gaps_of_likes.collection
                order by files.first_live_event_us, files.last_live_event_us
                rows between unbounded preceding and 1 preceding
            ),
            gaps_of_likes.from_us,
            0
        ) as before_us
    from gaps_of_likes
    cross join newest
    inner join {{ ref('base_lake__record_files') }} as files
        on
            gaps_of_likes.source <> files.captured_by
            and files.last_live_event_us >= coalesce(gaps_of_likes.from_us, 0)
            and files.first_live_event_us <= coalesce(gaps_of_likes.to_us, newest.event_us)
    where files.collection_group = 'app.bsky.feed.like'

),

-- They make up for it from where they came in without an hour's hole on, until the while was over, or until now.
likes_made_up_for as (

    select
        source,
        from_us,
        collection,
        max(case when first_us - before_us > 3600000000 then first_us end) as first_us
    from likes_of_others
    group by source, from_us, collection, to_us
    having max(last_us) >= to_us - 3600000000

),

whiles_without_likes as (

    select coalesce(made_up.first_us, gaps_of_likes.to_us) as to_us
    from gaps_of_likes
    left join whiles_with_likes
        on
            gaps_of_likes.from_us = whiles_with_likes.from_us
            and gaps_of_likes.collection is not distinct from whiles_with_likes.collection
    left join likes_made_up_for as made_up
        on
            gaps_of_likes.source = made_up.source
            and gaps_of_likes.from_us is not distinct from made_up.from_us
            and gaps_of_likes.collection is not distinct from made_up.collection
    where
        whiles_with_likes.from_us is null
        and (made_up.source is null or made_up.first_us is not null)

),

last_while as (

    select
        coalesce(max(to_us), 0) as to_us,
        coalesce(bool_or(to_us is null), false) as is_lasting
    from whiles_without_likes

)

-- From when on likes are known: from the first like that was witnessed live (before it nothing says that likes were
-- kept), and from the end of the last while without them. Null where there is no such moment.
select
    case
        when first_like.event_us is not null and not last_while.is_lasting
            then greatest(first_like.event_us, last_while.to_us)
    end as covered_from_us
from first_like
cross join last_while
