{{ config(
    materialized='folded',
    increment_of='base_labels__values',
    unique_key=['uri', 'cid'],
    group_by=['uri', 'cid'],
    seeds=['label_precedence', 'labelers'],
) }}

with precedence as (

    select
        precedence.label as unified_label,
        precedence.labeler,
        precedence.source_label,
        precedence.priority,
        labelers.version
    from {{ ref('label_precedence') }} as precedence
    inner join {{ ref('labelers') }} as labelers
        on precedence.labeler = labelers.labeler
    where precedence.profile = '{{ run_parameter("label_profile") }}'

),

{{ chosen_labels() }}

-- A label that nobody gave is null: the least place of no rows.
select
    {%- for label in unified_labels() %}
    chosen_labels.{{ label }},
    {{ label }}_source.labeler as {{ label }}_labeler,
    {{ label }}_source.version as {{ label }}_version,
    chosen_labels.{{ label }}_labelled_at,
    {%- endfor %}
    chosen_labels.uri,
    chosen_labels.cid
from chosen_labels
{{ label_sources() }}
