-- What the intake of schema 0002 says to the database: the release before this one, kept to test upgrades on live load.

-- name: find_by_key
SELECT source_id, name, kind FROM sources WHERE key_hash = $1 AND revoked_at IS NULL

-- name: enter_writer
-- Every writer of the log holds the fence, shared, from here to its commit: a reader who has held it alone knows that
-- no smaller seq is still to come. Durability is asked for by name, whatever role, database or pooler would choose.
SELECT pg_advisory_xact_lock_shared(7236842), set_config('synchronous_commit', 'on', true)

-- name: claim_ids
-- Gives back the ids that were new. Sorted, so that two writers with the same ids wait for each other and never deadlock.
INSERT INTO event_ids (event_id, source_id, received_day)
SELECT event_id, source_id, $3::date
FROM unnest($1::uuid[], $2::int[]) AS given (event_id, source_id)
ORDER BY event_id
ON CONFLICT DO NOTHING
RETURNING event_id

-- name: keep_failed
-- A blind retry of a bad event is kept once. Gives back the ids that were new.
INSERT INTO failed_events (event_id, source_id, received_at, code, reason, raw)
SELECT event_id, source_id, $6::timestamptz, code, reason, raw
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bytea[]) AS given (event_id, source_id, code, reason, raw)
ORDER BY event_id
ON CONFLICT DO NOTHING
RETURNING event_id

-- name: add_counts
INSERT INTO event_counts (received_day, source_id, name, stored, repeated, failed, last_at)
SELECT $6::date, source_id, name, stored, repeated, failed, $7::timestamptz
FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS given (source_id, name, stored, repeated, failed)
