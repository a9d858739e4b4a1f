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
        {{ label }}_labeler as labeler,
        {{ label }}_version as labeler_version
    from posts
    where {{ label }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

-- Sums of floats vary with the number of threads; sums of decimals don't.
select
    cast(event_day as varchar) as event_day,
    cast(label_name as varchar) as label_name,
    cast(labeler as varchar) as labeler,
    cast(labeler_version as varchar) as labeler_version,
    count(*) as posts,
    round(cast(sum(cast(score as decimal(18, 9))) as double) / count(*), 9) as mean_score
from long_labels
group by event_day, label_name, labeler, labeler_version
