with posts as (

    select
        *,
        {{ utc_day('event_us') }} as event_day
    from {{ ref('int_posts__unified') }}

),

long_labels as (

    {%- for label in unified_labels() %}
    select
        event_day,
        '{{ label }}' as label_name,
        {{ label }} as score,
        {{ label }}_labeler as labeler
    from posts
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

-- Sums of floats vary with the number of threads; sums of decimals don't.
select
    event_day,
    label_name,
    count(*) as posts,
    count(score) as labelled_posts,
    cast(sum(cast(score as decimal(18, 9))) as double) / nullif(count(score), 0) as mean_score,
    count(*) filter (where score > 0.5) / cast(nullif(count(score), 0) as double) as share_over_half
from long_labels
group by event_day, label_name
