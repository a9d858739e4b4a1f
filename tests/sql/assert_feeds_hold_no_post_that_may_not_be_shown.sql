-- Rows are positions whose post did not pass the filters, or was deleted or hidden when the feed was ranked.
select
    feeds.participant_id,
    feeds.position,
    feeds.uri
from {{ ref('fct_feeds') }} as feeds
left join {{ ref('int_posts__rankable') }} as posts on feeds.uri = posts.uri
where posts.uri is null
