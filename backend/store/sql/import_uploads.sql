-- name: add_upload
INSERT INTO import_uploads (kind, file_name, stored_as, bytes, uploaded_at, uploaded_by, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $5)
RETURNING upload_id

-- name: get_upload
SELECT upload_id, kind, file_name, stored_as, bytes, uploaded_at, uploaded_by, state, choices, changed_at, step, done,
       import_id, report, error, error_code, rejects
FROM import_uploads
WHERE upload_id = $1

-- name: lock_upload
-- Before a decision on its state.
SELECT state FROM import_uploads WHERE upload_id = $1 FOR UPDATE

-- name: wait_upload
UPDATE import_uploads
SET state = 'waiting', choices = $2, changed_at = $3, step = '', done = 0, report = NULL, error = NULL, error_code = NULL, rejects = NULL
WHERE upload_id = $1

-- name: run_upload
-- Only one that waits, or ran when its worker died, is taken.
UPDATE import_uploads SET state = 'running', changed_at = $2
WHERE upload_id = $1 AND state IN ('waiting', 'running')
RETURNING upload_id

-- name: note_progress
UPDATE import_uploads SET step = $2, done = $3, changed_at = $4 WHERE upload_id = $1 AND state = 'running'

-- name: finish_upload
UPDATE import_uploads
SET state = 'done', report = $2, rejects = $3, import_id = $4, changed_at = $5
WHERE upload_id = $1

-- name: fail_upload
UPDATE import_uploads SET state = 'failed', error = $2, error_code = $3, changed_at = $4 WHERE upload_id = $1

-- name: list_silent
-- Uploads whose worker has not been heard of: it died, or its job was lost with an outage.
SELECT upload_id FROM import_uploads WHERE state IN ('waiting', 'running') AND changed_at < $1 ORDER BY upload_id

-- name: list_uploads
-- Imports of files, newest first: uploads, and those of the command line, which have no upload.
SELECT u.upload_id, coalesce(u.kind, i.kind) AS kind, coalesce(u.file_name, i.file_name) AS file_name,
       coalesce(u.uploaded_by, i.asked_by) AS asked_by, coalesce(u.uploaded_at, i.started_at) AS at,
       coalesce(u.state, CASE WHEN i.finished_at IS NULL THEN 'stopped' ELSE 'done' END) AS state,
       coalesce((u.report ->> 'read')::bigint, i.rows_read) AS read,
       coalesce((u.report ->> 'stored')::bigint, i.rows_stored) AS stored,
       coalesce((u.report ->> 'repeated')::bigint, i.rows_repeated) AS repeated,
       coalesce((SELECT sum(v::bigint) FROM jsonb_each_text(u.report -> 'rejected') AS r (k, v)), i.rows_rejected) AS rejected
FROM import_uploads AS u
FULL JOIN (SELECT * FROM imports WHERE kind <> 'demo') AS i ON i.import_id = u.import_id
ORDER BY at DESC
LIMIT $1

-- name: list_files
SELECT stored_as FROM import_uploads WHERE stored_as IS NOT NULL

-- name: list_expired
SELECT upload_id, stored_as FROM import_uploads
WHERE stored_as IS NOT NULL AND changed_at < $1 AND state NOT IN ('waiting', 'running')

-- name: forget_file
UPDATE import_uploads SET stored_as = NULL, rejects = NULL WHERE upload_id = $1

-- name: drop_unused
-- An upload that was never imported leaves no record beside the audit log.
DELETE FROM import_uploads WHERE upload_id = $1 AND state = 'uploaded'
