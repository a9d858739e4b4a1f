{#
  When a record was first witnessed, over all reports of it: when its creation was seen live, or, where nobody saw that,
  the earliest report, a backfilled one's time being what its author's client put into the key. An edit doesn't make a
  record younger: one of which only edits were seen is as old as its key says, unless the key claims to be younger still.
  Null where only its deletion was reported. An expression over the columns of record_state().
#}
{% macro first_witnessed_us() -%}
    coalesce(
        first_created_live_us,
        case
            when not is_created and first_content_us is not null
                then least(first_content_us, coalesce({{ key_time_us('rkey') }}, first_content_us))
        end,
        first_content_us
    )
{%- endmacro %}
