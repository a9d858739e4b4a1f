{% set folds = {'labelled_at': 'min(labelled_at)'} %}
{{ config(
    materialized='folded',
    increment_of='stg_labels__embeddings',
    unique_key=['uri', 'cid', 'labeler', 'version'],
    folds=folds,
) }}

select
    uri,
    cid,
    labeler,
    version,
    min(labelled_at) as labelled_at
from {{ ref('stg_labels__embeddings') }}
group by uri, cid, labeler, version
