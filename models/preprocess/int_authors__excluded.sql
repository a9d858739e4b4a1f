with excludelist as (

    select
        kind,
        account
    from {{ ref('excludelist') }}

),

excludelisted as (

    select
        account as did,
        'excludelist' as reason
    from excludelist
    where kind = 'did'
    union all
    select
        identities.did,
        'excludelist' as reason
    from {{ ref('stg_bluesky__identities') }} as identities
    inner join excludelist
        on lower(identities.handle) = lower(excludelist.account)
    where excludelist.kind = 'handle'

),

inactive as (

    select
        did,
        'account_inactive' as reason
    from {{ ref('stg_bluesky__accounts') }}
    where not is_active

),

moderated as (

    select
        labels.uri as did,
        excluded_labels.reason
    from {{ ref('stg_moderation__labels') }} as labels
    inner join {{ ref('moderators') }} as moderators
        on labels.moderator_did = moderators.moderator_did
    inner join {{ ref('excluded_labels') }} as excluded_labels
        on labels.val = excluded_labels.label
    where
        labels.uri like 'did:%'
        and (labels.expires_us is null or labels.expires_us > {{ as_of_us() }})

),

all_reasons as (

    select * from excludelisted
    union all
    select * from inactive
    union all
    select * from moderated

)

select distinct
    did,
    reason
from all_reasons
