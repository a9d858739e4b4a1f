{#
  When a record was first witnessed, over all reports of it: the earliest live report, or, where there is none, the
  earliest backfilled one, whose time is what its author's client put into the key. An edit doesn't make a record younger.
#}
{% macro first_witnessed_us() -%}
    coalesce(
        min(event_us) filter (where operation <> 'delete' and is_live),
        min(event_us) filter (where operation <> 'delete')
    )
{%- endmacro %}
