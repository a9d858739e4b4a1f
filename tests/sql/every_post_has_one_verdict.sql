{{ config(tags=['history']) }}

-- Each post has one row, is eligible or has a first reason among its reasons, and the counts by day add up to all of
-- them; one test for all of it, as each look at the verdicts costs a second a million posts. To see a post's case:
-- select * from int_posts__filtered where uri = '…'.
with verdicts as (

    select
        count(*) as posts,
        count(*) - count(distinct {{ key_hash(['uri']) }}) as rows_too_many,
        count(*) filter (
            where
            uri is null
            or did is null
            or is_eligible is null
            or passes_all_but_language is null
            or passes_all_but_age is null
            or passes_all_but_age_and_language is null
            or event_us is null
        ) as rows_with_nulls,
        count(*) filter (where is_eligible and {{ list_length('reasons') }} > 0)
            as eligible_with_reasons,
        count(*) filter (where not is_eligible and first_reason <> {{ item_at('reasons', 1) }})
            as first_reason_elsewhere
    from {{ ref('int_posts__filtered') }}

),

counts as (

    select coalesce(sum(posts_by_first_reason), 0) as posts
    from {{ ref('int_posts__filtered_counts') }}

)

select
    verdicts.*,
    counts.posts as counted_posts
from verdicts
cross join counts
where
    verdicts.posts <> counts.posts
    or verdicts.rows_too_many > 0
    or verdicts.rows_with_nulls > 0
    or verdicts.eligible_with_reasons > 0
    or verdicts.first_reason_elsewhere > 0
