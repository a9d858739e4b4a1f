-- Whom a pseudonym follows gives the account away, so the file that replaying needs goes to the private lake.
{{ config(post_hook="{{ write_lake_file(
    this, '', 'feeds/generation=' ~ run_parameter('generation') ~ '/inputs', 'follows.parquet', 'participant_id, author_did', lake='FEEDTRIAL_PRIVATE_LAKE'
) }}") }}

with authors as (

    select distinct author_did
    from {{ ref('int_posts__rankable') }}

),

readers as (

    select participant_id
    from {{ ref('int_participants__policies') }}

),

final as (

    select
        follows.participant_id,
        follows.author_did
    from {{ ref('int_participants__follows') }} as follows
    inner join authors on follows.author_did = authors.author_did
    inner join readers on follows.participant_id = readers.participant_id

)

select * from final
