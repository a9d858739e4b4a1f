{% set fields = {'subject_uri': '$.subject.uri', 'subject_cid': '$.subject.cid'} %}
{% set state = record_state(fields.keys() | list) %}
{{ config(
    materialized='folded',
    increment_of='base_bluesky__records',
    partition='collection_group=app.bsky.feed.repost',
    unique_key=['did', 'rkey'],
    pruned_by='rkey',
    folds=state,
    facts=record_facts(),
) }}

{{ folded_records('app.bsky.feed.repost', state, record_facts(), fields) }}
