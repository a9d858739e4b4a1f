{{ config(tags=['history']) }}

-- Each post is eligible or has a first reason among its reasons, and the counts by day add up to all of them. To see a
-- post's case: select * from int_posts__filtered where uri = '…'.
with verdicts as (

    select
        count(*) as posts,
        count(*) filter (where is_eligible and len(reasons) > 0) as eligible_with_reasons,
        count(*) filter (where not is_eligible and first_reason <> reasons[1]) as first_reason_elsewhere
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
    or verdicts.eligible_with_reasons > 0
    or verdicts.first_reason_elsewhere > 0
