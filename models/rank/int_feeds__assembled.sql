with feeds as (

    select
        feed_id,
        feed_length_posts,
        served_before_cap_posts,
        shuffle_block_positions
    from {{ ref('int_feeds__variants') }}

),

-- Posts of followed accounts come first, as many as there are positions for; the others of theirs compete with all.
placed_posts as (

    select
        feed_id,
        policy_place,
        is_in_network,
        served_before,
        row_number() over (partition by feed_id order by is_head desc, policy_place asc) as place,
        sum(case when served_before then 1 else 0 end) over (
            partition by feed_id
            order by is_head desc, policy_place asc
            rows between unbounded preceding and current row
        ) as served_posts
    from {{ ref('int_feeds__candidates') }}

),

-- Each post that the cap takes out lets those after it move up.
final as (

    select
        placed_posts.feed_id,
        placed_posts.policy_place,
        placed_posts.is_in_network,
        placed_posts.served_before,
        cast(
            placed_posts.place - greatest(placed_posts.served_posts - feeds.served_before_cap_posts, 0) as integer
        ) as position_before_shuffle
    from placed_posts
    inner join feeds on placed_posts.feed_id = feeds.feed_id
    where
        (not placed_posts.served_before or placed_posts.served_posts <= feeds.served_before_cap_posts)
        -- A block of the shuffle that the cut goes through is whole here.
        and placed_posts.place - greatest(placed_posts.served_posts - feeds.served_before_cap_posts, 0)
        <= feeds.feed_length_posts + feeds.shuffle_block_positions - 1

)

select * from final
