{% set folds = {
    'attempts': 'max(attempts)',
    'is_labelled': 'bool_or(is_labelled)',
    'is_refused': 'bool_or(is_refused)',
    'is_failed': 'bool_or(is_failed)',
    'last_labelled_at': 'max(last_labelled_at)',
} %}
{% set facts = {'rkey': rkey_of('uri')} %}
{{ config(
    materialized='folded',
    increment_of='stg_labels__values',
    unique_key=['uri', 'cid', 'labeler', 'version'],
    folds=folds,
    facts=facts,
    pruned_by='rkey',
) }}

with answers as (

    select
        uri,
        cid,
        labeler,
        version,
        attempt as attempts,
        status = 'ok' as is_labelled,
        status in ('refused', 'skipped') as is_refused,
        status = 'failed' as is_failed,
        labelled_at as last_labelled_at
    from {{ ref('stg_labels__values') }}

)

select
    uri,
    cid,
    labeler,
    version,
    {{ folded_columns(folds) }},
    {{ facts.rkey }} as rkey
from answers
group by uri, cid, labeler, version
