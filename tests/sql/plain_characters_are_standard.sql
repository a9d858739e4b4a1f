-- Texts of plain characters are left as they are: none may be one that the long way would change, wherever in a text it
-- stands.
{{ config(tags=['history'], enabled=target.type == 'duckdb') }}

with code_points as (

    select chr(cast(numbers.n as integer)) as code_point
    from range(1, 131072) as numbers (n)
    where numbers.n not between 55296 and 57343

),

texts as (

    select 'e' || code_point || 'e' as spelled from code_points
    union all
    select code_point || 'e' as spelled from code_points
    union all
    select 'e' || code_point as spelled from code_points

)

select
    spelled,
    {{ standardised_text('spelled') }} as the_short_way,
    {{ standardised_text_the_long_way('spelled') }} as the_long_way
from texts
where {{ standardised_text('spelled') }} <> {{ standardised_text_the_long_way('spelled') }}
