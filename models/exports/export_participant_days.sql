with shown as (

    select * from {{ ref('int_participants__shown') }}

),

-- A post that came on several days of a week counts once in it.
shown_posts as (

    select
        participant_id,
        study,
        arm,
        event_day,
        channel,
        uri,
        {%- for label in unified_labels() %}
        max({{ label }}) as {{ label }},
        {%- endfor %}
        bool_or(is_in_network) as is_in_network,
        bool_or(is_superposter) as is_superposter
    from shown
    group by participant_id, study, arm, event_day, channel, uri

)

select
    ---------- ids
    {{ release_pseudonym('participant_id') }} as participant_pseudonym,
    cast(study as varchar) as study,
    cast(arm as varchar) as arm,
    cast(event_day as varchar) as event_day,
    cast(channel as varchar) as channel,

    ---------- numerics
    cast(count(*) as bigint) as posts,
    round(count(*) filter (where is_in_network) / cast(count(*) as double), 9) as in_network_share,
    round(count(*) filter (where is_superposter) / cast(count(*) as double), 9) as superposter_share,
    {{ label_summaries() }}
from shown_posts
group by participant_id, study, arm, event_day, channel
