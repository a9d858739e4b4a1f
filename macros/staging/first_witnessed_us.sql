{#
  When a record was first witnessed, over all reports of it: when its creation was seen live, or, where nobody saw that,
  the earliest report, a backfilled one's time being what its author's client put into the key. An edit doesn't make a
  record younger: one of which only edits were seen is as old as its key says, unless the key claims to be younger still.
#}
{% macro first_witnessed_us() -%}
    coalesce(
        min(event_us) filter (where operation = 'create' and is_live),
        case
            when count(*) filter (where operation = 'create') = 0
                then least(
                    min(event_us) filter (where operation <> 'delete'),
                    coalesce({{ key_time_us('rkey') }}, min(event_us) filter (where operation <> 'delete'))
                )
        end,
        min(event_us) filter (where operation <> 'delete')
    )
{%- endmacro %}
