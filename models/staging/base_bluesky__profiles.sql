{% set fields = {
    'display_name': '$.displayName',
    'description': '$.description',
    'created_at': '$.createdAt',
    'self_label_values': '$.labels.values',
} %}
{% set state = record_state(['cid'] + fields.keys() | list) %}
{{ config(
    materialized='folded',
    increment_of='base_bluesky__records',
    partition='collection_group=app.bsky.actor.profile',
    unique_key=['did', 'rkey'],
    folds=state,
    facts=record_facts(),
) }}

{{ folded_records('app.bsky.actor.profile', state, record_facts(), fields) }}
