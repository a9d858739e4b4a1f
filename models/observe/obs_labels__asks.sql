{{ config(tags=['history']) }}

{{ labeler_days() }}
