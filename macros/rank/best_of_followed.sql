{#
  Places of the best posts that the accounts a feed's reader follows wrote, as a list a feed, without sorting the rest. From CTEs `feeds`
  (feed_id, participant_id, policy, policy_version), `follows` (participant_id, author_did) and `ranked_posts`.

    wanted  column of feeds: how many
#}
{% macro best_of_followed(wanted) -%}
    select
        feeds.feed_id,
        {{ smallest('ranked_posts.policy_place', 'feeds.' ~ wanted) }} as places
    from feeds
    inner join follows on feeds.participant_id = follows.participant_id
    inner join ranked_posts
        on
            follows.author_did = ranked_posts.author_did
            and feeds.policy = ranked_posts.policy
            and feeds.policy_version = ranked_posts.policy_version
    where feeds.{{ wanted }} > 0
    group by feeds.feed_id, feeds.{{ wanted }}
{%- endmacro %}
