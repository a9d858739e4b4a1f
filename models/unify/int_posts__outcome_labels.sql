{{ config(
    materialized='folded',
    tags=['history'],
    increment_of='base_labels__values',
    unique_key=['uri', 'cid'],
    group_by=['uri', 'cid'],
    reads=['uri', 'cid', 'rkey', 'labeler', 'version', 'label', 'score', 'labelled_at'],
    pruned_by='rkey',
    sorts=true,
    seeds=['outcome_labels'],
) }}

-- A study pins one labeler for each outcome: it is first and last in the precedence.
with precedence as (

    select
        label as unified_label,
        labeler,
        source_label,
        version,
        1 as priority
    from {{ ref('outcome_labels') }}

),

{{ chosen_labels() }}

select
    {%- for label in unified_labels() %}
    chosen_labels.{{ label }},
    {{ label }}_source.labeler as {{ label }}_labeler,
    {%- endfor %}
    chosen_labels.uri,
    chosen_labels.cid,
    {{ rkey_of('chosen_labels.uri') }} as rkey
from chosen_labels
{{ label_sources() }}
