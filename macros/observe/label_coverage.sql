{#
  How many of the posts that a labeler should be asked about it has answered on, a row per UTC day and labeler at its version.
  With `since_day`, a text literal, only days from it on are looked at.
#}
{% macro label_coverage(since_day=none) -%}
with posts as (

    select
        uri,
        cid,
        is_eligible,
        {{ utc_day('event_us') }} as event_day
    from {{ ref('int_posts__recent') }}
    {%- if since_day is not none %}
    where {{ utc_day('event_us') }} >= {{ since_day }}
    {%- endif %}

),

labelers as (

    select
        labeler,
        version,
        needs
    from {{ ref('labelers') }}

),

embedders as (

    select distinct
        labeler,
        version
    from {{ ref('base_labels__embedded') }}

),

-- One row a post, labeler and version. Only an embedder may have answered in both places.
verdicts as (

    select
        asked.uri,
        asked.cid,
        asked.labeler,
        asked.version,
        asked.is_labelled,
        asked.is_refused,
        asked.is_failed
    from {{ ref('base_labels__asked') }} as asked
    left join embedders
        on
            asked.labeler = embedders.labeler
            and asked.version = embedders.version
    where embedders.labeler is null

    union all

    select
        uri,
        cid,
        labeler,
        version,
        bool_or(is_labelled) as is_labelled,
        bool_or(is_refused) as is_refused,
        bool_or(is_failed) as is_failed
    from (
        select
            asked.uri,
            asked.cid,
            asked.labeler,
            asked.version,
            asked.is_labelled,
            asked.is_refused,
            asked.is_failed
        from {{ ref('base_labels__asked') }} as asked
        inner join embedders
            on
                asked.labeler = embedders.labeler
                and asked.version = embedders.version
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
    ) as answers_of_embedders
    group by uri, cid, labeler, version

),

posts_by_day as (

    select
        event_day,
        count(*) as posts,
        count(*) filter (where is_eligible) as eligible_posts
    from posts
    group by event_day

),

verdicts_by_day as (

    select
        posts.event_day,
        labelers.labeler,
        labelers.version,
        count(*) as answered,
        count(*) filter (where verdicts.is_labelled) as labelled,
        count(*) filter (where verdicts.is_refused and not verdicts.is_labelled) as refused,
        count(*) filter (
            where verdicts.is_failed and not verdicts.is_labelled and not verdicts.is_refused
        ) as failed
    from verdicts
    inner join labelers
        on
            verdicts.labeler = labelers.labeler
            and verdicts.version = labelers.version
    inner join posts
        on
            verdicts.uri = posts.uri
            and verdicts.cid = posts.cid
    where labelers.needs = 'any' or posts.is_eligible
    group by posts.event_day, labelers.labeler, labelers.version

),

final as (

    select
        posts_by_day.event_day,
        labelers.labeler,
        labelers.version,
        case when labelers.needs = 'any' then posts_by_day.posts else posts_by_day.eligible_posts end as posts,
        coalesce(verdicts_by_day.answered, 0) as answered,
        coalesce(verdicts_by_day.labelled, 0) as labelled,
        coalesce(verdicts_by_day.refused, 0) as refused,
        coalesce(verdicts_by_day.failed, 0) as failed
    from posts_by_day
    cross join labelers
    left join verdicts_by_day
        on
            posts_by_day.event_day = verdicts_by_day.event_day
            and labelers.labeler = verdicts_by_day.labeler
            and labelers.version = verdicts_by_day.version

)

select
    ---------- what
    event_day,
    labeler,
    version,

    ---------- numerics
    posts,
    labelled,
    refused,
    failed,
    posts - answered as waiting,
    round(labelled / cast(posts as double), 6) as coverage
from final
where posts > 0
{%- endmacro %}
