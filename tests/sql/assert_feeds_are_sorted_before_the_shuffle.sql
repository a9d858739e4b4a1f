-- Before the shuffle, posts of followed accounts and the others each stand by score, then by URI. Rows are the
-- positions that stand after one which they should precede.
with feeds as (

    select
        participant_id,
        is_in_network,
        position_before_shuffle,
        score,
        uri,
        lag(score) over (
            partition by participant_id, is_in_network order by position_before_shuffle
        ) as score_before,
        lag(uri) over (
            partition by participant_id, is_in_network order by position_before_shuffle
        ) as uri_before
    from {{ ref('fct_feeds') }}
    -- An interleaved feed has no shuffle and two orders.
    where propensity is not null

)

select * from feeds
where score > score_before or (score = score_before and uri < uri_before)
