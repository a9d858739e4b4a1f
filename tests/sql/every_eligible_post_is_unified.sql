{{ config(tags=['history']) }}

-- A label, a like or an author that isn't known must not take a post out, nor may anything double it.
select
    eligible.uri,
    count(unified.uri) as unified_rows
from {{ ref('int_posts__eligible') }} as eligible
left join {{ ref('int_posts__unified') }} as unified on eligible.uri = unified.uri
group by eligible.uri
having count(unified.uri) <> 1
