{% set folds = {
    'attempts': 'max(attempts)',
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
    sorts=true,
) }}

with failures as (

    select
        uri,
        cid,
        labeler,
        version,
        attempt as attempts,
        labelled_at as last_labelled_at
    from {{ ref('stg_labels__values') }}
    where status = 'failed'

)

select
    uri,
    cid,
    labeler,
    version,
    {{ folded_columns(folds) }},
    {{ facts.rkey }} as rkey
from failures
group by uri, cid, labeler, version
