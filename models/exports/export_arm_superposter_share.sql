with shown as (

    select * from {{ ref('int_participants__shown') }}

)

select
    cast(study as varchar) as study,
    cast(arm as varchar) as arm,
    cast(event_day as varchar) as event_day,
    cast(channel as varchar) as channel,
    cast(count(distinct participant_id) as bigint) as participants,
    cast(count(*) as bigint) as posts,
    round(count(*) filter (where is_superposter) / cast(count(*) as double), 9) as superposter_share,
    round(count(*) filter (where is_in_network) / cast(count(*) as double), 9) as in_network_share
from shown
group by study, arm, event_day, channel
