{{ config(tags=['history']) }}

with {{ label_precedence() }},

{{ candidate_labels() }},

-- A post that both have labelled says what changes when the one steps in for the other.
double_labels as (

    select
        earlier.unified_label,
        earlier.labeler as from_labeler,
        earlier.source_label as from_label,
        later.labeler as to_labeler,
        later.source_label as to_label,
        earlier.uri,
        earlier.score as from_score,
        later.score as to_score,
        {{ utc_day('earlier.labelled_at') }} as labelled_day,
        earlier.unified_label || ' ' || cast(earlier.priority as varchar)
        || ' ' || cast(later.priority as varchar) as pair
    from candidate_labels as earlier
    inner join candidate_labels as later
        on
            earlier.unified_label = later.unified_label
            and earlier.uri = later.uri
            and earlier.cid = later.cid
            and earlier.priority < later.priority

),

-- Posts of the same score share their mean place, from 1: Spearman's correlation is of the places.
ranked_labels as (

    select
        *,
        rank() over (partition by pair order by from_score) as from_rank,
        rank() over (partition by pair order by to_score) as to_rank,
        count(*) over (partition by pair, from_score) as from_ties,
        count(*) over (partition by pair, to_score) as to_ties
    from double_labels

),

-- How far the two distributions are apart at each score that occurs: Kolmogorov and Smirnov's distance is the largest.
steps as (

    select
        pair,
        score,
        sum(step) as step
    from (
        select
            pair,
            from_score as score,
            1 as step
        from double_labels
        union all
        select
            pair,
            to_score as score,
            -1 as step
        from double_labels
    ) as either
    group by pair, score

),

heights as (

    select
        pair,
        abs(
            sum(step) over (partition by pair order by score rows between unbounded preceding and current row)
        ) as height
    from steps

),

distances as (

    select
        pair,
        max(height) as largest_height
    from heights
    group by pair

),

compared as (

    select
        pair,
        unified_label,
        from_labeler,
        from_label,
        to_labeler,
        to_label,
        count(*) as posts,
        count(distinct labelled_day) as labelled_days,
        min(labelled_day) as first_day,
        max(labelled_day) as last_day,
        cast(avg(cast(from_score as decimal(18, 9))) as double) as from_mean,
        cast(avg(cast(to_score as decimal(18, 9))) as double) as to_mean,
        {{ percentile('from_score', 0.5) }} as from_median,
        {{ percentile('to_score', 0.5) }} as to_median,
        {{ percentile('from_score', 0.9) }} as from_p90,
        {{ percentile('to_score', 0.9) }} as to_p90,
        count(*) filter (where from_score >= 0.5) / cast(count(*) as double) as from_share_over_half,
        count(*) filter (where to_score >= 0.5) / cast(count(*) as double) as to_share_over_half,
        corr(from_rank + from_ties / cast(2 as double), to_rank + to_ties / cast(2 as double)) as spearman
    from ranked_labels
    group by pair, unified_label, from_labeler, from_label, to_labeler, to_label

),

final as (

    select
        ---------- what
        compared.unified_label,
        compared.from_labeler,
        compared.from_label,
        compared.to_labeler,
        compared.to_label,

        ---------- double labels
        compared.posts,
        compared.labelled_days,
        compared.first_day,
        compared.last_day,
        compared.labelled_days >= {{ observe_parameter('switch_over_days') }} as is_enough,

        ---------- the shift
        round(compared.from_mean, 6) as from_mean,
        round(compared.to_mean, 6) as to_mean,
        round(compared.to_mean - compared.from_mean, 6) as mean_shift,
        round(compared.from_median, 6) as from_median,
        round(compared.to_median, 6) as to_median,
        round(compared.from_p90, 6) as from_p90,
        round(compared.to_p90, 6) as to_p90,
        round(compared.from_share_over_half, 6) as from_share_over_half,
        round(compared.to_share_over_half, 6) as to_share_over_half,
        round(distances.largest_height / cast(compared.posts as double), 6) as ks_distance,
        case when {{ is_finite('compared.spearman') }} then round(compared.spearman, 6) end as spearman
    from compared
    inner join distances on compared.pair = distances.pair

)

select * from final
