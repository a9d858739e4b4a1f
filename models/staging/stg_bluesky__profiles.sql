with folded as (

    {{ fold_records('app.bsky.actor.profile', {
        'display_name': '$.displayName',
        'description': '$.description',
        'created_at': '$.createdAt',
        'self_label_values': '$.labels.values',
    }) }}

)

select
    ---------- ids
    did,
    cid,

    ---------- text
    display_name,
    description,
    created_at,

    ---------- lists
    {{ json_list('self_label_values', '$[*].val') }} as self_labels,

    ---------- booleans
    is_live,
    is_verified,

    ---------- times, microseconds UTC
    event_us
from folded
where
    rkey = 'self'
    and deleted_us is null
