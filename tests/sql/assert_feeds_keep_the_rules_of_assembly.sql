-- Rows are positions that break a rule of assembly; `broken_rule` says which.
with feeds as (

    select * from {{ ref('fct_feeds') }}

),

-- An interleaved feed is drafted from two that keep the rules, and has two orders.
policies as (

    select * from {{ ref('int_policies__in_force') }}
    where sort_key != 'interleaved'

),

feeds_with_rules as (

    select
        feeds.*,
        policies.feed_length_posts,
        policies.in_network_positions,
        policies.served_before_cap_posts,
        policies.shuffle_block_positions,
        policies.author_cap_posts,
        count(*) over (partition by feeds.participant_id, feeds.author_did) as author_posts,
        sum(case when feeds.served_before then 1 else 0 end) over (partition by feeds.participant_id) as served_posts,
        row_number() over (partition by feeds.participant_id order by feeds.position) as expected_position,
        min(feeds.position_before_shuffle) over (
            partition by feeds.participant_id, feeds.is_in_network
        ) as first_of_network
    from feeds
    inner join policies
        on
            feeds.policy = policies.policy
            and feeds.policy_version = policies.version

),

broken_rules as (

    select
        participant_id,
        position,
        uri,
        case
            when position != expected_position or position > feed_length_posts then 'positions run from 1 to the length'
            when author_posts > author_cap_posts then 'author cap'
            when served_posts > served_before_cap_posts then 'cap on posts served before'
            when
                abs(position - position_before_shuffle) >= shuffle_block_positions
                then 'the shuffle moves a post by less than a block'
            when propensity not between cast(1 as double) / shuffle_block_positions and 1 then 'propensity'
            when
                is_in_network and first_of_network > 1 and in_network_positions > 0
                then 'posts of followed accounts come first'
        end as broken_rule
    from feeds_with_rules

)

select * from broken_rules
where broken_rule is not null
