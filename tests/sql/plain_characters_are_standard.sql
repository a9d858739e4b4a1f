-- Texts of plain characters are left as they are: none may be one that the long way would change, wherever in a text it
-- stands.
{{ config(tags=['history'], enabled=target.type == 'duckdb') }}

with code_points as (

    select chr(cast(numbers.n as integer)) as code_point
    from range(1, 131072) as numbers (n)
    where numbers.n not between 55296 and 57343

),

texts as (

    select 'e' || code_point || 'e' as content from code_points
    union all
    select code_point || 'e' as content from code_points
    union all
    select 'e' || code_point as content from code_points

)

select
    content,
    {{ standardised_text('content') }} as the_short_way,
    {{ standardised_text_the_long_way('content') }} as the_long_way
from texts
where {{ standardised_text('content') }} <> {{ standardised_text_the_long_way('content') }}
