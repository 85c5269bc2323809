-- name: beat
INSERT INTO worker_heartbeats (worker, started_at, seen_at, detail)
VALUES ($1, $2, $3, $4)
ON CONFLICT (worker) DO UPDATE SET seen_at = excluded.seen_at, detail = excluded.detail

-- name: forget
DELETE FROM worker_heartbeats WHERE worker = $1

-- name: forget_silent
DELETE FROM worker_heartbeats WHERE seen_at < $1

-- name: list_all
SELECT worker, started_at, seen_at, detail FROM worker_heartbeats ORDER BY seen_at DESC, worker
