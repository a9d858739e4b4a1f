{#
  What participants were served, saw and engaged with, by a period: the body of export_participant_days and _weeks, which differ in
  nothing else. A post that came on several days of a period counts once in it.

    period     column of int_participants__shown
    data_type  its type in the export

  Their names are joined from outside (pseudonyms of the private lake, made by `feedtrial transform` and there for as long as it
  runs): where somebody has none, as in a build by hand, the contract refuses the export.
#}
{% macro shown_by_period(period, data_type) -%}
with shown as (

    select * from {{ ref('int_participants__shown') }}

),

waves as (

    select * from {{ ref('int_participants__waves') }}

),

pseudonyms as (

    select
        participant_id,
        pseudonym
    from {{ source('study', 'pseudonyms') }}

),

shown_posts as (

    select
        participant_id,
        study,
        arm,
        {{ period }},
        channel,
        uri,
        {%- for label in unified_labels() %}
        max({{ label }}) as {{ label }},
        {%- endfor %}
        bool_or(is_in_network) as is_in_network,
        bool_or(is_superposter) as is_superposter
    from shown
    group by participant_id, study, arm, {{ period }}, channel, uri

),

summed as (

    select
        participant_id,
        study,
        arm,
        {{ period }},
        channel,
        count(*) as posts,
        round(count(*) filter (where is_in_network) / cast(count(*) as double), 9) as in_network_share,
        round(count(*) filter (where is_superposter) / cast(count(*) as double), 9) as superposter_share,
        {{ label_summaries() | indent(8) }}
    from shown_posts
    group by participant_id, study, arm, {{ period }}, channel

)

select
    ---------- ids
    cast(pseudonyms.pseudonym as varchar) as participant_pseudonym,
    cast(summed.study as varchar) as study,
    cast(summed.arm as varchar) as arm,
    cast(waves.wave as varchar) as wave,
    cast(summed.{{ period }} as {{ data_type }}) as {{ period }},
    cast(summed.channel as varchar) as channel,

    ---------- numerics
    cast(summed.posts as bigint) as posts,
    summed.in_network_share,
    summed.superposter_share,
    {{ label_summary_columns() | indent(4) }}
from summed
left join waves on summed.participant_id = waves.participant_id
left join pseudonyms on summed.participant_id = pseudonyms.participant_id
{%- endmacro %}
