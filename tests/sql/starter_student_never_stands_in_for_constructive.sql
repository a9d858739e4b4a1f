-- The starter student for constructive learned another score than the study's: under a study it must not rank silently.
select
    labeler,
    source_label,
    priority
from {{ ref('label_precedence') }}
where
    profile = 'study'
    and label = 'constructive'
    and labeler = 'student_constructive'
