-- Gaps that are open, by what was said of each last.
-- table · none
select
    kind,
    count(*) as gaps,
    from_unixtime(min(found_us) / 1000000.0) as since
from (
    select
        gap_id,
        max_by(kind, event_us) as kind,
        max_by(state, event_us) as last_state,
        min(event_us) as found_us
    from gaps
    group by gap_id
) as last_words
where last_state = 'open'
group by kind
order by gaps desc, kind
