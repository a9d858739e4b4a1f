{#
  How many of the posts that a labeler should be asked about it has answered on, a row per UTC day and labeler at its version.
  With `since_day`, a text literal, only days from it on are looked at, as those within the lookback were judged last; without it all days,
  as their posts were judged when they were young, and of these only what was witnessed live: a backfill brings posts that are too old to be asked about.
#}
{% macro label_coverage(since_day=none) -%}
with posts as (

    select
        uri,
        cid,
        {{ 'is_eligible' if since_day is not none else 'passes_all_but_age as is_eligible' }},
        {{ utc_day('event_us') }} as event_day
    {%- if since_day is not none %}
    from {{ ref('int_posts__recent') }}
    where {{ utc_day('event_us') }} >= {{ since_day }}
    {%- else %}
    from {{ ref('int_posts__filtered') }}
    where
        passes_all_but_age_and_language
        and is_live
    {%- endif %}

),

labelers as (

    select
        labeler,
        version,
        needs,
        labeler_bit
    from ({{ labelers_with_bits() }}) as labelers

),

-- An embedder answers in a table of its own.
embedded_posts as (

    {{ bits_of_posts(ref('base_labels__embedded')) }}

),

failed_posts as (

    {{ bits_of_posts(ref('base_labels__failed')) }}

),

posts_with_bits as (

    select
        posts.event_day,
        posts.is_eligible,
        coalesce(answered.labeler_bits, 0) as answered_bits,
        coalesce(answered.labelled_bits, 0) as labelled_bits,
        coalesce(embedded_posts.labeler_bits, 0) as embedded_bits,
        coalesce(failed_posts.labeler_bits, 0) as failed_bits
    from posts
    left join {{ ref('base_labels__answered') }} as answered
        on
            posts.uri = answered.uri
            and posts.cid = answered.cid
    left join embedded_posts
        on
            posts.uri = embedded_posts.uri
            and posts.cid = embedded_posts.cid
    left join failed_posts
        on
            posts.uri = failed_posts.uri
            and posts.cid = failed_posts.cid

),

-- Few combinations of labelers, for all the posts.
posts_by_bits as (

    select
        event_day,
        is_eligible,
        answered_bits,
        labelled_bits,
        embedded_bits,
        failed_bits,
        count(*) as posts
    from posts_with_bits
    group by event_day, is_eligible, answered_bits, labelled_bits, embedded_bits, failed_bits

),

verdicts as (

    select
        posts_by_bits.event_day,
        labelers.labeler,
        labelers.version,
        posts_by_bits.posts,
        {{ has_bit('answered_bits', 'labeler_bit') }} as is_answered,
        {{ has_bit('labelled_bits', 'labeler_bit') }} or {{ has_bit('embedded_bits', 'labeler_bit') }} as is_labelled,
        {{ has_bit('failed_bits', 'labeler_bit') }} as is_failed
    from posts_by_bits
    cross join labelers
    where labelers.needs = 'any' or posts_by_bits.is_eligible

),

final as (

    select
        event_day,
        labeler,
        version,
        sum(posts) as posts,
        coalesce(sum(posts) filter (where is_labelled or is_answered or is_failed), 0) as answered,
        coalesce(sum(posts) filter (where is_labelled), 0) as labelled,
        coalesce(sum(posts) filter (where is_answered and not is_labelled), 0) as refused,
        coalesce(sum(posts) filter (where is_failed and not (is_answered or is_labelled)), 0) as failed
    from verdicts
    group by event_day, labeler, version

)

select
    ---------- what
    event_day,
    labeler,
    version,

    ---------- numerics
    cast(posts as bigint) as posts,
    cast(labelled as bigint) as labelled,
    cast(refused as bigint) as refused,
    cast(failed as bigint) as failed,
    cast(posts - answered as bigint) as waiting,
    round(labelled / cast(posts as double), 6) as coverage
from final
{%- endmacro %}
