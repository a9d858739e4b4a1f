{#
  What is kept of a record's operations, as column -> aggregate. Each operation is a row of these columns by itself
  (record_operations), and any rows about one record make one by the aggregates: so it doesn't matter in which
  order, how often or in how many pieces the operations come, and what was folded before is folded on with what is new.

    latest_key, latest_operation, latest_event_us   the operation that holds
    the fields                                      of the last content; null where nobody reported any
    content_key                                     the operation that brought that content, where another holds: nearly always it is the
                                                    one that holds, and a key is long
    is_created, first_created_live_us, first_content_us
                                                    what says when it was first witnessed (first_witnessed_us)
    known_us, deletion_known_us                     when any content, and any deletion, first came in: what says what was known
                                                    at a time (stood_then)

  Worked example: create (rev 1), delete (rev 2) and the create once more from a second source fold to one row with
  latest_operation 'delete' and the content of the create, in any order.
#}
{% macro record_state(fields) -%}
    {%- set content_key = "case when latest_operation <> 'delete' then latest_key else content_key end" -%}
    {%- set state = {
        'latest_key': 'max(latest_key)',
        'latest_operation': at_latest('latest_operation', 'latest_key') | trim,
        'latest_event_us': at_latest('latest_event_us', 'latest_key') | trim,
        'content_key': 'max(' ~ content_key ~ ')',
    } -%}
    {%- for field in fields -%}
        {%- do state.update({field: at_latest(field, content_key) | trim}) -%}
    {%- endfor -%}
    {%- do state.update({
        'is_created': 'bool_or(is_created)',
        'is_edited': 'bool_or(is_edited)',
        'is_live': 'bool_or(is_live)',
        'is_verified': 'bool_or(is_verified)',
        'first_created_live_us': 'min(first_created_live_us)',
        'first_content_us': 'min(first_content_us)',
        'live_ingested_at': 'min(live_ingested_at)',
        'known_us': 'min(known_us)',
        'deletion_known_us': 'min(deletion_known_us)',
    }) -%}
    {{ return(state) }}
{%- endmacro %}


{#
  What follows from a folded record's columns, as column -> expression. A taken back post isn't kept (keeps_deleted=false
  with its fields); a like has to be, for its effect to be taken back as of any time.
#}
{% macro record_facts(fields=[], keeps_deleted=true) -%}
    {%- set facts = {} -%}
    {%- if not keeps_deleted -%}
        {%- for field in fields -%}
            {%- do facts.update({field: "case when latest_operation <> 'delete' then " ~ field ~ ' end'}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- do facts.update({
        'content_key': "case when latest_operation = 'delete' then content_key end",
        'event_us': first_witnessed_us() | trim,
        'deleted_us': "case when latest_operation = 'delete' then latest_event_us end",
    }) -%}
    {{ return(facts) }}
{%- endmacro %}
