with participants as (

    select
        participant_id,
        study,
        arm,
        enrolled_us
    from {{ ref('stg_study__participants') }}

),

-- A look whether there is anything new, and a page that is asked for twice, nobody reads.
served as (

    select
        participant_id,
        uri,
        served_us,
        coalesce(is_in_network, false) as is_in_network
    from {{ ref('fct_exposures') }}
    where
        participant_id is not null
        and is_for_reading

),

-- A report counts only with a signed context, and only on what was served: others nobody can check.
reported as (

    select
        interactions.participant_id,
        interactions.uri,
        interactions.received_us,
        events.kind
    from {{ ref('stg_serving__interactions') }} as interactions
    inner join {{ ref('interaction_events') }} as events on interactions.event = events.event
    where
        interactions.participant_id is not null
        and interactions.context_valid

),

shown as (

    select
        'served' as channel,
        participant_id,
        uri,
        served_us as happened_us
    from served
    union all
    select
        'seen' as channel,
        participant_id,
        uri,
        received_us as happened_us
    from reported
    where kind = 'seen'
    union all
    select
        'engaged' as channel,
        participant_id,
        uri,
        received_us as happened_us
    from reported
    where kind = 'engaged'
    union all
    -- The network itself says what was liked, also where the client reports nothing.
    select
        'engaged' as channel,
        participant_id,
        uri,
        event_us as happened_us
    from {{ ref('int_participants__likes') }}

),

served_posts as (

    select
        participant_id,
        uri,
        bool_or(is_in_network) as is_in_network,
        min(served_us) as first_served_us
    from served
    group by participant_id, uri

),

-- A post counts once a day and channel, however often it was sent or looked at.
shown_days as (

    select
        participants.participant_id,
        participants.study,
        participants.arm,
        {{ utc_day('shown.happened_us') }} as event_day,
        {{ whole_units('shown.happened_us', 86400000000) }} as day_number,
        {{ whole_units('shown.happened_us - participants.enrolled_us', 604800000000) }} as study_week,
        shown.channel,
        shown.uri,
        bool_or(served_posts.is_in_network) as is_in_network
    from shown
    inner join participants on shown.participant_id = participants.participant_id
    inner join served_posts
        on
            shown.participant_id = served_posts.participant_id
            and shown.uri = served_posts.uri
    -- What they liked before it came to them the feed has no part in.
    where
        shown.happened_us >= participants.enrolled_us
        and shown.happened_us >= served_posts.first_served_us
    group by
        participants.participant_id,
        participants.study,
        participants.arm,
        {{ utc_day('shown.happened_us') }},
        {{ whole_units('shown.happened_us', 86400000000) }},
        {{ whole_units('shown.happened_us - participants.enrolled_us', 604800000000) }},
        shown.channel,
        shown.uri

),

shown_posts as (

    select
        shown_days.*,
        posts.did,
        posts.cid
    from shown_days
    left join {{ ref('int_posts__standardised') }} as posts on shown_days.uri = posts.uri

),

author_days as (

    select distinct
        did,
        event_day,
        day_number
    from shown_posts

),

{{ author_windows('author_days') }}

select
    ---------- ids
    shown_posts.participant_id,
    shown_posts.study,
    shown_posts.uri,

    ---------- what and when
    shown_posts.arm,
    shown_posts.event_day,
    cast(shown_posts.study_week as integer) as study_week,
    shown_posts.channel,

    ---------- labels, as outcomes are measured
    {%- for label in unified_labels() %}
    outcomes.{{ label }},
    {%- endfor %}

    ---------- booleans
    shown_posts.is_in_network,
    coalesce(author_windows.is_superposter, false) as is_superposter
from shown_posts
left join {{ ref('int_posts__outcome_labels') }} as outcomes
    on
        shown_posts.uri = outcomes.uri
        and shown_posts.cid = outcomes.cid
left join author_windows
    on
        shown_posts.did = author_windows.did
        and shown_posts.event_day = author_windows.event_day
