{# The record is kept whole, so that a new field is read from here. What its author took back isn't kept at all. #}
{% set state = record_state(['cid', 'record']) %}
{% set facts = record_facts(['record'], keeps_deleted=false) %}
{{ config(
    materialized='folded',
    increment_of='base_bluesky__records',
    partition='collection_group=app.bsky.feed.post',
    unique_key=['did', 'rkey'],
    pruned_by='rkey',
    folds=state,
    facts=facts,
) }}

{{ folded_records('app.bsky.feed.post', state, facts) }}
