-- Who might see what under a sort key that depends on the participant. The pairs cross to the similarity stage, which
-- answers in stg_similarity__pairs; whom a pseudonym follows shows in them, so they go to the private lake.
{{ config(materialized='in_batches', post_hook="{{ write_lake_file(
    this, '', 'feeds/generation=' ~ run_parameter('generation') ~ '/inputs', 'asked_pairs.parquet', 'participant_id, policy, policy_version, uri', lake='FEEDTRIAL_PRIVATE_LAKE'
) }}") }}

with policies as (

    select * from {{ ref('int_policies__in_force') }}
    where sort_key in ('personal', 'diversity')

),

feeds as (

    select
        variants.feed_id,
        variants.participant_id,
        variants.policy,
        variants.policy_version,
        policies.sort_key,
        policies.diversity_share,
        policies.candidate_in_network_posts,
        policies.candidate_popular_posts,
        policies.candidate_similar_posts
    from {{ ref('int_feeds__variants') }} as variants
    inner join policies
        on
            variants.policy = policies.policy
            and variants.policy_version = policies.version
    where {{ in_this_batch() }}

),

readers as (

    select distinct participant_id
    from feeds

),

ranked_posts as (

    select
        ranked_posts.policy,
        ranked_posts.policy_version,
        ranked_posts.uri,
        ranked_posts.author_did,
        ranked_posts.score,
        ranked_posts.policy_place,
        ranked_posts.candidate_source
    from {{ ref('int_posts__ranked') }} as ranked_posts
    inner join policies
        on
            ranked_posts.policy = policies.policy
            and ranked_posts.policy_version = policies.version

),

follows as (

    select
        follows.participant_id,
        follows.author_did
    from {{ ref('int_feeds__follows') }} as follows
    inner join readers on follows.participant_id = readers.participant_id

),

in_network_places as (

    {{ best_of_followed('candidate_in_network_posts') }}

),

similar_posts as (

    select
        similarities.participant_id,
        similarities.uri,
        row_number() over (
            partition by similarities.participant_id
            order by similarities.similarity_personal desc, similarities.uri asc
        ) as nearest_place
    from {{ ref('stg_similarity__participants') }} as similarities
    inner join readers on similarities.participant_id = readers.participant_id

),

candidates as (

    select
        in_network_places.feed_id,
        places.policy_place,
        'in_network' as candidate_source,
        1 as source_order
    from in_network_places
    cross join unnest(in_network_places.places) as places (policy_place)
    union all
    select
        feeds.feed_id,
        ranked_posts.policy_place,
        'similar' as candidate_source,
        2 as source_order
    from feeds
    inner join similar_posts
        on
            feeds.participant_id = similar_posts.participant_id
            and feeds.candidate_similar_posts >= similar_posts.nearest_place
    inner join ranked_posts
        on
            similar_posts.uri = ranked_posts.uri
            and feeds.policy = ranked_posts.policy
            and feeds.policy_version = ranked_posts.policy_version
    union all
    select
        feeds.feed_id,
        ranked_posts.policy_place,
        ranked_posts.candidate_source,
        3 as source_order
    from feeds
    inner join ranked_posts
        on
            feeds.policy = ranked_posts.policy
            and feeds.policy_version = ranked_posts.policy_version
            and feeds.candidate_popular_posts >= ranked_posts.policy_place

),

-- What brought a post here first counts: its author is followed, it is near, it is popular or fresh.
distinct_candidates as (

    select
        feed_id,
        policy_place,
        {{ at_first('candidate_source', 'source_order') }} as candidate_source
    from candidates
    group by feed_id, policy_place

),

final as (

    select
        feeds.participant_id,
        feeds.policy,
        feeds.policy_version,
        ranked_posts.uri,
        feeds.sort_key,
        feeds.diversity_share,
        ranked_posts.score as base_score,
        follows.author_did is not null as is_in_network,
        case
            when follows.author_did is not null then 'in_network' else distinct_candidates.candidate_source
        end as candidate_source
    from distinct_candidates
    inner join feeds on distinct_candidates.feed_id = feeds.feed_id
    inner join ranked_posts
        on
            feeds.policy = ranked_posts.policy
            and feeds.policy_version = ranked_posts.policy_version
            and distinct_candidates.policy_place = ranked_posts.policy_place
    left join follows
        on
            feeds.participant_id = follows.participant_id
            and ranked_posts.author_did = follows.author_did

)

select * from final
