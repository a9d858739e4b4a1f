{% set fields = {'subject_did': '$.subject'} %}
{% set state = record_state(fields.keys() | list) %}
{{ config(
    materialized='folded',
    tags=['history'],
    increment_of='base_bluesky__records',
    partition='collection_group=app.bsky.graph.block',
    unique_key=['did', 'rkey'],
    pruned_by='rkey',
    folds=state,
    facts=record_facts(),
) }}

{{ folded_records('app.bsky.graph.block', state, record_facts(), fields) }}
