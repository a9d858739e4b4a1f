{{ shown_by_period('event_day', 'varchar') }}
