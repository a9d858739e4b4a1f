{# The CTE `precedence` of the run's label profile: who may give each label, at which version, and who comes first. #}
{% macro label_precedence() -%}
precedence as (

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

)
{%- endmacro %}
