with excludelist as (

    select
        kind,
        account
    from {{ ref('excludelist') }}

),

-- Identity events are rare: most accounts that have had their handle for long are known by their profile alone.
handles as (

    select
        did,
        handle,
        handle_us as event_us
    from {{ ref('stg_bluesky__identities') }}
    where handle is not null
    union all
    select
        did,
        handle,
        event_us
    from {{ ref('stg_bluesky__profile_snapshots') }}
    where
        handle is not null
        and {{ known_then('event_us') }}

),

-- Few of all accounts have ever had a handle that is listed.
once_listed as (

    select distinct handles.did
    from handles
    inner join excludelist on lower(handles.handle) = lower(excludelist.account)
    where excludelist.kind = 'handle'

),

latest_handles as (

    select
        handles.did,
        {{ at_latest('handles.handle', 'handles.event_us') }} as handle
    from handles
    inner join once_listed on handles.did = once_listed.did
    group by handles.did

),

excludelisted as (

    select
        account as did,
        'excludelist' as reason
    from excludelist
    where kind = 'did'
    union all
    select
        latest_handles.did,
        'excludelist' as reason
    from latest_handles
    inner join excludelist
        on lower(latest_handles.handle) = lower(excludelist.account)
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

-- What an account says of itself in its profile goes for all that it posts.
profile_labels as (

    select
        profiles.did,
        labels.self_label
    from {{ ref('stg_bluesky__profiles') }} as profiles
    cross join unnest(profiles.self_labels) as labels (self_label)

),

self_labelled as (

    select
        profile_labels.did,
        excluded_labels.reason
    from profile_labels
    inner join {{ ref('excluded_labels') }} as excluded_labels
        on profile_labels.self_label = excluded_labels.label
    where excluded_labels.applies_to_self_labels

),

all_reasons as (

    select * from excludelisted
    union all
    select * from inactive
    union all
    select * from moderated
    union all
    select * from self_labelled

)

select distinct
    did,
    reason
from all_reasons
