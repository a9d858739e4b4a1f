-- Gaps that nothing says are closed.
-- table · none
select
    kind,
    count(*) as gaps,
    from_unixtime(min(found_us) / 1000000.0) as since
from (
    select
        gap_id,
        max_by(kind, event_us) as kind,
        bool_or(state = 'closed') as is_closed,
        min(event_us) as found_us
    from gaps
    group by gap_id
) as last_words
where not is_closed
group by kind
order by gaps desc, kind
