with moderation_labels as (

    select
        labels.uri,
        labels.cid,
        excluded_labels.reason
    from {{ ref('stg_moderation__labels') }} as labels
    inner join {{ ref('moderators') }} as moderators
        on labels.moderator_did = moderators.moderator_did
    inner join {{ ref('excluded_labels') }} as excluded_labels
        on labels.val = excluded_labels.label
    where
        labels.uri like 'at://%'
        and (labels.expires_us is null or labels.expires_us > {{ as_of_us() }})

)

select
    posts.uri,
    bool_or(moderation_labels.reason = 'nsfw_label') as is_nsfw,
    bool_or(moderation_labels.reason = 'moderated') as is_moderated
from {{ ref('int_posts__standardised') }} as posts
inner join moderation_labels
    on
        posts.uri = moderation_labels.uri
        and (moderation_labels.cid is null or posts.cid = moderation_labels.cid)
group by posts.uri
