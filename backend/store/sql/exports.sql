-- name: insert_export
INSERT INTO exports (wish, what, personal, requested_by, requested_at)
VALUES ($1, $2, $3, $4, $5)
RETURNING export_id;

-- name: list_exports
SELECT export_id, wish, state, requested_by, requested_at, finished_at, expires_at, rows_done, share, bytes, replaced, cut,
       file_name, error, error_code, downloads
FROM exports
ORDER BY export_id DESC
LIMIT $1;

-- name: get_export
SELECT export_id, wish, state, requested_by, requested_at, finished_at, expires_at, rows_done, share, bytes, replaced, cut,
       file_name, error, error_code, downloads
FROM exports
WHERE export_id = $1;

-- name: claim_export
-- The oldest that waits, or that a worker which died has let go of. Others pass over a row that is being claimed.
UPDATE exports
SET state = 'running', attempt_id = $1, attempts = attempts + 1, leased_until = $3, rows_done = 0, share = 0
WHERE export_id = (
    SELECT export_id FROM exports
    WHERE state = 'queued' OR (state = 'running' AND leased_until < $2)
    ORDER BY export_id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING export_id, wish, attempts, requested_by;

-- name: renew_export
-- Gives a row only while this attempt still holds the export.
UPDATE exports
SET leased_until = $3, rows_done = $4, share = $5
WHERE export_id = $1 AND attempt_id = $2 AND state = 'running'
RETURNING export_id;

-- name: finish_export
UPDATE exports
SET state = 'done', finished_at = $3, expires_at = $4, rows_done = $5, share = 1, bytes = $6, replaced = $7, cut = $8,
    file_name = $9, leased_until = NULL
WHERE export_id = $1 AND attempt_id = $2 AND state = 'running'
RETURNING export_id;

-- name: fail_export
UPDATE exports
SET state = 'failed', finished_at = $3, error = $4, error_code = $5, leased_until = NULL
WHERE export_id = $1 AND attempt_id = $2 AND state = 'running'
RETURNING export_id;

-- name: count_download
UPDATE exports SET downloads = downloads + 1 WHERE export_id = $1;

-- name: expire_exports
-- Those whose time is over; the row stays, it says who took what.
UPDATE exports SET state = 'gone' WHERE state = 'done' AND expires_at <= $1 RETURNING export_id, file_name;

-- name: withdraw_exports
-- Every file about persons, finished or being written: one of them was erased.
UPDATE exports
SET state = 'gone', attempt_id = NULL, leased_until = NULL
WHERE what = ANY ($1::text[]) AND state IN ('queued', 'running', 'done');

-- name: list_withdrawn
-- Also those of a run that died before it removed them.
SELECT file_name FROM exports WHERE what = ANY ($1::text[]) AND state = 'gone' AND file_name IS NOT NULL;

-- name: list_attempts
SELECT attempt_id FROM exports WHERE state = 'running';

-- name: list_files
SELECT file_name FROM exports WHERE state = 'done' AND file_name IS NOT NULL;

-- name: bound_events
-- The ends of the part of the log that was received since a day.
SELECT min(seq) AS least, max(seq) AS most FROM event_log WHERE received_day >= $1;

-- name: list_events
-- One step along the log: a range of numbers, so that no step is long however few events fit. received_day lets the
-- planner leave out whole days.
SELECT e.seq, e.message_id, e.type, e.event, e.payload ->> 'name' AS name, e.user_id, e.anonymous_id,
       e.payload ->> 'previousId' AS previous_id, e.payload ->> 'groupId' AS group_id,
       e.occurred_at, e.received_at, s.name AS source, e.trusted,
       (e.payload -> 'properties')::text AS properties, (e.payload -> 'traits')::text AS traits,
       (e.payload -> 'context')::text AS context
FROM event_log AS e
JOIN sources AS s USING (source_id)
WHERE e.seq > $1 AND e.seq <= $2 AND e.received_day >= $3
  AND e.occurred_at >= $4 AND e.occurred_at < $5
  AND ($6::text[] IS NULL OR coalesce(e.event, e.type) = ANY ($6))
  AND ($7::text IS NULL OR s.name = $7)
ORDER BY e.seq;

-- name: list_customers
SELECT customer_id, user_id, display_name AS name, email, traits, created_at
FROM customers
WHERE merged_into IS NULL AND erased_at IS NULL AND customer_id > $1
ORDER BY customer_id
LIMIT $2;

-- name: list_these_customers
SELECT customer_id, user_id, display_name AS name, email, traits, created_at
FROM customers
WHERE customer_id = ANY ($1::bigint[]) AND erased_at IS NULL
ORDER BY customer_id;

-- name: largest_customer
-- Roughly, for progress.
SELECT max(customer_id) FROM customers;

-- name: name_sources
SELECT source_id, name FROM sources;
