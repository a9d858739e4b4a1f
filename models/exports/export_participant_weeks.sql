{{ shown_by_period('study_week', 'integer') }}
