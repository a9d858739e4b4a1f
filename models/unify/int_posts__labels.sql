{{ config(
    materialized='folded',
    increment_of='base_labels__values',
    unique_key=['uri', 'cid'],
    group_by=['uri', 'cid'],
    reads=['uri', 'cid', 'rkey', 'labeler', 'version', 'label', 'score', 'labelled_at'],
    pruned_by='rkey',
    sorts=true,
    seeds=['label_precedence', 'labelers'],
) }}

{{ wide_labels() }}
