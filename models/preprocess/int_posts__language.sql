{{ config(materialized='view') }}

select
    ---------- ids
    uri,
    cid,
    rkey,

    ---------- values
    language,
    language_score
from {{ ref('base_labels__languages') }}
where {{ known_then('labelled_at') }}
