{{ config(tags=['history']) }}

with posts as (

    select
        uri,
        cid,
        is_eligible,
        {{ utc_day('event_us') }} as event_day
    from {{ ref('int_posts__filtered') }}
    where passes_all_but_language

),

labelers as (

    select
        labeler,
        version,
        needs
    from {{ ref('labelers') }}

),

answers as (

    select
        uri,
        cid,
        labeler,
        version,
        is_labelled,
        is_refused,
        is_failed
    from {{ ref('base_labels__asked') }}
    union all
    select
        uri,
        cid,
        labeler,
        version,
        true as is_labelled,
        false as is_refused,
        false as is_failed
    from {{ ref('base_labels__embedded') }}

),

verdicts as (

    select
        uri,
        cid,
        labeler,
        version,
        bool_or(is_labelled) as is_labelled,
        bool_or(is_refused) as is_refused,
        bool_or(is_failed) as is_failed
    from answers
    group by uri, cid, labeler, version

)

select
    ---------- what
    posts.event_day,
    labelers.labeler,
    labelers.version,

    ---------- numerics
    count(*) as posts,
    count(*) filter (where verdicts.is_labelled) as labelled,
    count(*) filter (where verdicts.is_refused and not verdicts.is_labelled) as refused,
    count(*) filter (
        where verdicts.is_failed and not verdicts.is_labelled and not verdicts.is_refused
    ) as failed,
    count(*) filter (where verdicts.uri is null) as waiting,
    round(count(*) filter (where verdicts.is_labelled) / cast(count(*) as double), 6) as coverage
from posts
cross join labelers
left join verdicts
    on
        posts.uri = verdicts.uri
        and posts.cid = verdicts.cid
        and labelers.labeler = verdicts.labeler
        and labelers.version = verdicts.version
where labelers.needs = 'any' or posts.is_eligible
group by posts.event_day, labelers.labeler, labelers.version
