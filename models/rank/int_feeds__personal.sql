-- Scores that depend on the participant, for the posts that are candidates of theirs, the author cap after sorting.
{{ config(materialized='in_batches') }}

with pairs as (

    select * from {{ ref('stg_similarity__pairs') }}

),

policies as (

    select * from {{ ref('int_policies__in_force') }}
    where sort_key in ('personal', 'diversity')

),

ranked_posts as (

    select * from {{ ref('int_posts__ranked') }}

),

variants as (

    select
        feed_id,
        participant_id,
        policy,
        policy_version
    from {{ ref('int_feeds__variants') }}
    where {{ in_this_batch() }}

),

-- A post without an embedding, or a participant without likes, has no similarity and gets none of its points. MMR gives
-- every candidate a score, embedded or not.
scored_pairs as (

    select
        variants.feed_id,
        ranked_posts.uri,
        ranked_posts.author_did,
        ranked_posts.like_score,
        ranked_posts.freshness_score,
        ranked_posts.treatment_multiplier,
        ranked_posts.superposter_multiplier,
        pairs.similarity_personal,
        pairs.is_in_network,
        pairs.candidate_source,
        policies.author_cap_posts,
        case policies.sort_key
            when 'personal'
                then round(
                    ranked_posts.score + policies.personal_weight_score * coalesce(pairs.similarity_personal, 0), 9
                )
            else pairs.diversity_score
        end as score
    from pairs
    inner join policies
        on
            pairs.policy = policies.policy
            and pairs.policy_version = policies.version
    inner join variants
        on
            pairs.participant_id = variants.participant_id
            and pairs.policy = variants.policy
            and pairs.policy_version = variants.policy_version
    inner join ranked_posts
        on
            pairs.policy = ranked_posts.policy
            and pairs.policy_version = ranked_posts.policy_version
            and pairs.uri = ranked_posts.uri

),

pairs_by_author as (

    select
        *,
        row_number() over (partition by feed_id, author_did order by score desc, uri asc) as author_place
    from scored_pairs

),

final as (

    select
        feed_id,
        uri,
        author_did,
        score,
        like_score,
        freshness_score,
        treatment_multiplier,
        superposter_multiplier,
        similarity_personal,
        is_in_network,
        candidate_source,
        row_number() over (partition by feed_id order by score desc, uri asc) as policy_place,
        row_number() over (partition by feed_id, is_in_network order by score desc, uri asc) as network_place
    from pairs_by_author
    where author_place <= author_cap_posts

)

select * from final
