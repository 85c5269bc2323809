-- name: read_draft
SELECT rule, base_version, saved_at, saved_by FROM segment_drafts WHERE segment_id = $1;

-- name: put_draft
INSERT INTO segment_drafts (segment_id, rule, base_version, saved_at, saved_by)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (segment_id) DO UPDATE SET
    rule = excluded.rule, base_version = excluded.base_version, saved_at = excluded.saved_at, saved_by = excluded.saved_by;

-- name: delete_draft
DELETE FROM segment_drafts WHERE segment_id = $1 RETURNING segment_id;
