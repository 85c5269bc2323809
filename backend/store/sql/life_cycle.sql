-- name: list_thresholds
-- Every version: a figure uses the one in force when its window began, however long ago that is.
SELECT version, since, t1, t2, t3, derived, provisional, saved_at, saved_by FROM life_cycle_thresholds ORDER BY version;

-- name: lock_thresholds
-- Two workers, or a worker and a person, number their versions one after the other; the lock goes with the transaction.
SELECT pg_advisory_xact_lock(7236846);

-- name: add_thresholds
-- The next version.
INSERT INTO life_cycle_thresholds (version, since, t1, t2, t3, derived, provisional, saved_at, saved_by)
SELECT coalesce(max(version), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8 FROM life_cycle_thresholds
RETURNING version;
