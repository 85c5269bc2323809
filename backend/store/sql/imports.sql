-- name: find_import
-- The latest import of the same content, read in the same way.
SELECT import_id, started_at, finished_at, rows_read, rows_stored, rows_repeated, rows_rejected, parts_done, rejects_file
FROM imports
WHERE kind = $1 AND digest = $2
ORDER BY import_id DESC
LIMIT 1

-- name: begin_import
INSERT INTO imports (kind, file_name, digest, started_at, asked_by)
VALUES ($1, $2, $3, $4, $5)
RETURNING import_id, started_at, finished_at, rows_read, rows_stored, rows_repeated, rows_rejected, parts_done, rejects_file

-- name: take_turn
-- Held until the transaction ends: two imports that compared with the same state would both think theirs is new.
SELECT pg_advisory_xact_lock(7236850)

-- name: list_rows
SELECT row_key, content FROM imported_rows WHERE row_key = ANY ($1::uuid[])

-- name: put_rows
INSERT INTO imported_rows (row_key, content)
SELECT * FROM unnest($1::uuid[], $2::bytea[])
ON CONFLICT (row_key) DO UPDATE SET content = excluded.content

-- name: add_part
-- In the transaction that stores the part's events: what the ledger says is done is in the log. A part is counted once,
-- even when two runs of one file race.
UPDATE imports
SET rows_stored = rows_stored + $3, rows_repeated = rows_repeated + $4, parts_done = $2
WHERE import_id = $1 AND parts_done = $2 - 1

-- name: finish_import
UPDATE imports
SET finished_at = $2, rows_read = $3, rows_rejected = $4, rejects_file = $5, rejected_by = $6
WHERE import_id = $1
RETURNING kind, rows_stored, rows_repeated

-- name: list_imports
SELECT import_id, kind, file_name, started_at, finished_at, rows_read, rows_stored, rows_repeated, rows_rejected, rejects_file
FROM imports
ORDER BY import_id DESC
LIMIT $1
