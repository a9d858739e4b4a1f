{#
  The labelers of the seed with a power of two each, labeler_bit, so that one number says which of them have answered about a post. A
  labeler has another bit after the seed was edited: what keeps such numbers names `labelers` among its seeds.
#}
{% macro labelers_with_bits() -%}
    select
        *,
        cast(power(2, row_number() over (order by labeler asc) - 1) as bigint) as labeler_bit
    from {{ ref('labelers') }}
{%- endmacro %}


{# Whether such a number names the labeler of a bit. #}
{% macro has_bit(bits, labeler_bit) -%}
    mod(floor({{ bits }} / {{ labeler_bit }}), 2) = 1
{%- endmacro %}


{#
  Which labelers a relation of answers (uri, cid, labeler, version) names, as one number a post and version of its text, from a CTE `labelers`
  (labeler, version, labeler_bit); of those answers only that a condition over `answers` leaves.
#}
{% macro bits_of_posts(relation, condition='true') -%}
    select
        answers.uri,
        answers.cid,
        {{ bits_together('labelers.labeler_bit') }} as labeler_bits
    from {{ relation }} as answers
    inner join labelers
        on
            answers.labeler = labelers.labeler
            and answers.version = labelers.version
    where {{ condition }}
    group by answers.uri, answers.cid
{%- endmacro %}
