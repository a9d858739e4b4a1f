-- depends_on: {{ ref('base_labels__values') }}, {{ ref('int_posts__labels') }}
-- depends_on: {{ ref('label_precedence') }}, {{ ref('labelers') }}
-- Over all days: an export replaces its files, and a day that it left out would be gone from them.
with posts as (

    select
        uri,
        cid,
        rkey,
        {{ utc_day('event_us') }} as event_day
    from {{ ref('int_posts__filtered') }}
    where passes_all_but_age

),

labels as (

    {{ labels_known_then() }}

),

long_labels as (

    {%- for label in unified_labels() %}
    select
        uri,
        cid,
        rkey,
        '{{ label }}' as label_name,
        {{ label }} as score,
        {{ label }}_labeler as labeler,
        {{ label }}_version as labeler_version
    from labels
    where {{ label }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

-- Sums of floats vary with the number of threads; sums of decimals don't.
select
    cast(posts.event_day as varchar) as event_day,
    cast(long_labels.label_name as varchar) as label_name,
    cast(long_labels.labeler as varchar) as labeler,
    cast(long_labels.labeler_version as varchar) as labeler_version,
    count(*) as posts,
    round(cast(sum(cast(long_labels.score as decimal(18, 9))) as double) / count(*), 9) as mean_score
from long_labels
inner join posts
    on
        long_labels.uri = posts.uri
        and long_labels.cid = posts.cid
        and long_labels.rkey = posts.rkey
group by posts.event_day, long_labels.label_name, long_labels.labeler, long_labels.labeler_version
