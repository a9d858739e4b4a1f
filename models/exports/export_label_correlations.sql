with posts as (

    select * from {{ ref('int_posts__baseline') }}

),

pairs as (

    {%- for first in unified_labels() %}
    {%- set outer_loop = loop %}
    {%- for second in unified_labels() if unified_labels().index(second) > unified_labels().index(first) %}
    select
        '{{ first }}' as first_label,
        '{{ second }}' as second_label,
        cast({{ first }} as decimal(18, 9)) as x,
        cast({{ second }} as decimal(18, 9)) as y
    from posts
    where {{ first }} is not null and {{ second }} is not null
    {{ 'union all' if not (loop.last and outer_loop.index >= unified_labels() | length - 1) }}
    {%- endfor %}
    {%- endfor %}

),

-- Sums of decimals don't vary with the number of threads, which sums of floats do.
sums as (

    select
        first_label,
        second_label,
        count(*) as posts,
        cast(sum(x) as double) as sum_x,
        cast(sum(y) as double) as sum_y,
        cast(sum(cast(x * x as decimal(38, 18))) as double) as sum_xx,
        cast(sum(cast(y * y as decimal(38, 18))) as double) as sum_yy,
        cast(sum(cast(x * y as decimal(38, 18))) as double) as sum_xy
    from pairs
    group by first_label, second_label

)

select
    cast(first_label as varchar) as first_label,
    cast(second_label as varchar) as second_label,
    cast(posts as bigint) as posts,
    case
        when posts > 1 and posts * sum_xx > sum_x * sum_x and posts * sum_yy > sum_y * sum_y
            then round(
                (posts * sum_xy - sum_x * sum_y)
                / (sqrt(posts * sum_xx - sum_x * sum_x) * sqrt(posts * sum_yy - sum_y * sum_y)),
                6
            )
    end as pearson_r
from sums
