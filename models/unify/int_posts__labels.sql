{{ config(
    materialized='folded',
    increment_of='base_labels__values',
    unique_key=['uri', 'cid'],
    group_by=['uri', 'cid'],
    seeds=['label_precedence', 'labelers'],
) }}

{{ wide_labels() }}
