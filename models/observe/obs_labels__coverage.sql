{{ config(tags=['history']) }}

{{ label_coverage() }}
