with participants as (

    select * from {{ ref('int_participants__policies') }}

),

candidates as (

    select
        candidates.*,
        row_number() over (
            partition by candidates.participant_id, candidates.is_in_network
            order by candidates.policy_place
        ) as network_place
    from {{ ref('int_feeds__candidates') }} as candidates

),

-- Posts of followed accounts come first, as many as there are positions for; the others of theirs compete with all.
placed_posts as (

    select
        candidates.participant_id,
        candidates.uri,
        candidates.candidate_source,
        candidates.is_in_network,
        candidates.served_before,
        row_number() over (
            partition by candidates.participant_id
            order by
                case
                    when candidates.is_in_network and candidates.network_place <= participants.in_network_positions
                        then 0
                    else 1
                end,
                candidates.policy_place
        ) as place
    from candidates
    inner join participants on candidates.participant_id = participants.participant_id

),

placed_posts_counted as (

    select
        *,
        row_number() over (partition by participant_id, served_before order by place) as served_place
    from placed_posts

),

posts_within_served_cap as (

    select
        placed_posts_counted.*,
        participants.feed_length_posts,
        participants.shuffle_block_positions,
        participants.shuffle_offset,
        row_number() over (
            partition by placed_posts_counted.participant_id
            order by placed_posts_counted.place
        ) as position_before_shuffle
    from placed_posts_counted
    inner join participants on placed_posts_counted.participant_id = participants.participant_id
    where
        not placed_posts_counted.served_before
        or placed_posts_counted.served_place <= participants.served_before_cap_posts

),

-- Blocks of three with offset 1: position 1 | 2 3 4 | 5 6 7 | … A block that the cut goes through is whole here.
posts_in_blocks as (

    select
        *,
        (position_before_shuffle - 1 + shuffle_block_positions - shuffle_offset)
        - (position_before_shuffle - 1 + shuffle_block_positions - shuffle_offset) % shuffle_block_positions
            as block_start,
        {{ draw_hex([
            "'" ~ run_parameter('random_seed') ~ "'", 'participant_id', "'" ~ run_parameter('generation') ~ "'", 'uri'
        ]) }} as draw
    from posts_within_served_cap
    where position_before_shuffle <= feed_length_posts + shuffle_block_positions - 1

),

shuffled_posts as (

    select
        *,
        count(*) over (partition by participant_id, block_start) as block_posts,
        row_number() over (partition by participant_id order by block_start, draw, uri) as position
    from posts_in_blocks

),

final as (

    select
        participant_id,
        cast(position as integer) as position,
        uri,
        candidate_source,
        is_in_network,
        served_before,
        cast(position_before_shuffle as integer) as position_before_shuffle,
        cast(shuffle_offset as integer) as shuffle_offset,
        cast(1 as double) / block_posts as propensity
    from shuffled_posts
    where position <= feed_length_posts

)

select * from final
