-- name: lock_plan
-- Whoever plans and claims days does so alone; the lock goes with the transaction.
SELECT pg_advisory_xact_lock(7236845);

-- name: last_planned
SELECT max(business_day) FROM snapshot_runs;

-- name: plan_days
-- Every day of the span ($1 to $2) that is not in the ledger yet.
INSERT INTO snapshot_runs (business_day, planned_at)
SELECT day::date, $3 FROM generate_series($1::date, $2::date, interval '1 day') AS day
ON CONFLICT (business_day) DO NOTHING;

-- name: next_open
-- The oldest day that is not done.
SELECT business_day, state, attempts, leased_until
FROM snapshot_runs
WHERE state <> 'done'
ORDER BY business_day
LIMIT 1;

-- name: claim_day
UPDATE snapshot_runs
SET state = 'started', attempt_id = $2, attempts = attempts + 1, started_at = coalesce(started_at, $3), leased_until = $4
WHERE business_day = $1;

-- name: hold_day
-- The day is still this attempt's, and stays so for a while; the row is locked until the transaction ends.
UPDATE snapshot_runs SET leased_until = $3
WHERE business_day = $1 AND attempt_id = $2 AND state = 'started'
RETURNING business_day;

-- name: insert_snapshot
-- What an attempt that died has kept already stays as it is.
INSERT INTO kpi_snapshots (
    choice, segment_id, business_day, segment_version, definition, window_first, window_last,
    numerator, denominator, value, incomplete, notes, taken_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (choice, segment_id, business_day) DO NOTHING;

-- name: list_kept
-- What is kept of a day already.
SELECT choice, segment_id FROM kpi_snapshots WHERE business_day = $1;

-- name: finish_day
UPDATE snapshot_runs
SET state = 'done', finished_at = $3, leased_until = NULL, failed = $4,
    figures = (SELECT count(*) FROM kpi_snapshots AS k WHERE k.business_day = $1)
WHERE business_day = $1 AND attempt_id = $2 AND state = 'started'
RETURNING business_day;

-- name: list_runs
-- The newest first.
SELECT business_day, state, planned_at, attempts, started_at, leased_until, finished_at, figures, failed
FROM snapshot_runs
ORDER BY business_day DESC
LIMIT $1;

-- name: count_runs
-- How many days there are in each state, and between which days.
SELECT state, count(*) AS days, min(business_day) AS first, max(business_day) AS last FROM snapshot_runs GROUP BY state;

-- name: list_trend
-- Every kept figure of one choice and one segment ($2, 0 for everyone) since a day, oldest first.
SELECT choice, segment_id, business_day, segment_version, definition, window_first, window_last,
    numerator, denominator, value, incomplete, notes, taken_at
FROM kpi_snapshots
WHERE choice = $1 AND segment_id = $2 AND business_day >= $3
ORDER BY business_day;

-- name: list_beside_everyone
-- Every kept figure of one segment and of everyone (0) since a day.
SELECT choice, segment_id, business_day, segment_version, definition, window_first, window_last,
    numerator, denominator, value, incomplete, notes, taken_at
FROM kpi_snapshots
WHERE choice = ANY($1::text[]) AND segment_id = ANY(ARRAY[$2, 0]) AND business_day >= $3;

-- name: segments_at
-- The segments that there were at a moment, each with the version of its rule that was in force then.
SELECT DISTINCT ON (s.segment_id) s.segment_id, v.version
FROM segments AS s
JOIN segment_versions AS v USING (segment_id)
WHERE v.created_at < $1 AND (s.archived_at IS NULL OR s.archived_at >= $1)
ORDER BY s.segment_id, v.version DESC;
