{% set folds = {
    'labeler_bits': bits_together('labeler_bits'),
    'labelled_bits': bits_together('labelled_bits'),
    'last_labelled_at': 'max(last_labelled_at)',
} %}
{% set facts = {'rkey': rkey_of('uri')} %}
{{ config(
    materialized='folded',
    increment_of='stg_labels__values',
    unique_key=['uri', 'cid'],
    folds=folds,
    facts=facts,
    pruned_by='rkey',
    sorts=true,
    seeds=['labelers'],
) }}

with labelers as (

    {{ labelers_with_bits() }}

),

-- A refusal and a skip are answers: asking again would give the same.
answers as (

    select
        label_values.uri,
        label_values.cid,
        labelers.labeler_bit as labeler_bits,
        case when label_values.status = 'ok' then labelers.labeler_bit else 0 end as labelled_bits,
        label_values.labelled_at as last_labelled_at
    from {{ ref('stg_labels__values') }} as label_values
    inner join labelers
        on
            label_values.labeler = labelers.labeler
            and label_values.version = labelers.version
    where label_values.status in ('ok', 'refused', 'skipped')

)

select
    uri,
    cid,
    {{ folded_columns(folds) }},
    {{ facts.rkey }} as rkey
from answers
group by uri, cid
