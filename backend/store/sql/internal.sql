-- name: system_source
SELECT source_id FROM sources WHERE kind = 'system'
