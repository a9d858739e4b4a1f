{% set folds = {
    'labeler_bits': bits_together('labeler_bits'),
    'last_labelled_at': 'max(last_labelled_at)',
} %}
{% set facts = {'rkey': rkey_of('uri')} %}
{{ config(
    materialized='folded',
    increment_of='base_labels__asked',
    unique_key=['uri', 'cid'],
    folds=folds,
    facts=facts,
    pruned_by='rkey',
    seeds=['labelers'],
) }}

with labelers as (

    {{ labelers_with_bits() }}

),

-- A refusal and a skip are answers: asking again would give the same.
answers as (

    select
        asked.uri,
        asked.cid,
        labelers.labeler_bit as labeler_bits,
        asked.last_labelled_at
    from {{ ref('base_labels__asked') }} as asked
    inner join labelers
        on
            asked.labeler = labelers.labeler
            and asked.version = labelers.version
    where asked.is_labelled or asked.is_refused

)

select
    uri,
    cid,
    {{ folded_columns(folds) }},
    {{ facts.rkey }} as rkey
from answers
group by uri, cid
