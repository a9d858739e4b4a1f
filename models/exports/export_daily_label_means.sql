with posts as (

    select * from {{ ref('int_posts__baseline') }}

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
    cast(event_day as varchar) as event_day,
    cast(label_name as varchar) as label_name,
    count(*) as posts,
    count(score) as labelled_posts,
    round(cast(sum(cast(score as decimal(18, 9))) as double) / nullif(count(score), 0), 9) as mean_score,
    round(
        count(*) filter (where score > 0.5) / cast(nullif(count(score), 0) as double), 9
    ) as share_over_half
from long_labels
group by event_day, label_name
