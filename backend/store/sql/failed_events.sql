-- name: list_failed
-- A page of failed events, newest first. $6: whether those that were recovered are asked for, or those that wait.
SELECT
    f.failed_id, f.source_id, s.name AS source, f.name, f.received_at, f.code, f.reason, f.violations, f.tried_at,
    f.recovered_at, f.recovered_by, f.recovered_as
FROM failed_events AS f
JOIN sources AS s USING (source_id)
WHERE ($1::int IS NULL OR f.source_id = $1) AND ($2::text IS NULL OR f.code = $2)
    AND ($3::text IS NULL OR f.name = $3) AND ($4::bigint IS NULL OR f.failed_id < $4)
    AND (f.recovered_at IS NOT NULL) = $6
ORDER BY f.failed_id DESC
LIMIT $5

-- name: get_failed
SELECT
    f.failed_id, f.source_id, s.name AS source, f.name, f.received_at, f.code, f.reason, f.violations, f.tried_at,
    f.recovered_at, f.recovered_by, f.recovered_as, f.raw
FROM failed_events AS f
JOIN sources AS s USING (source_id)
WHERE f.failed_id = $1

-- name: group_failed
-- What waits, by what can be filtered for.
SELECT f.code, f.source_id, s.name AS source, f.name, count(*) AS failed, max(f.received_at) AS last_at
FROM failed_events AS f
JOIN sources AS s USING (source_id)
WHERE f.recovered_at IS NULL
GROUP BY f.code, f.source_id, s.name, f.name
ORDER BY failed DESC, f.code, s.name, f.name

-- name: count_recovered
SELECT count(*) FROM failed_events WHERE recovered_at IS NOT NULL

-- name: measure_replay
-- What a replay will look at: the newest one that exists now, and how many.
SELECT coalesce(max(failed_id), 0) AS upto, count(*) AS total
FROM failed_events
WHERE recovered_at IS NULL AND ($1::int IS NULL OR source_id = $1) AND ($2::text IS NULL OR code = $2)
    AND ($3::text IS NULL OR name = $3) AND ($4::bigint IS NULL OR failed_id = $4)

-- name: open_replay
INSERT INTO event_replays (source_id, code, name, failed_id, upto, total, asked_at, asked_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING replay_id

-- name: get_replay
SELECT r.*, s.name AS source FROM event_replays AS r LEFT JOIN sources AS s USING (source_id) WHERE replay_id = $1

-- name: list_replays
SELECT r.*, s.name AS source
FROM event_replays AS r
LEFT JOIN sources AS s USING (source_id)
ORDER BY replay_id DESC
LIMIT $1

-- name: lock_replay
-- The oldest replay that is not finished and that nobody works on, or a certain one.
SELECT replay_id, source_id, code, name, failed_id, upto, reached, asked_by
FROM event_replays
WHERE finished_at IS NULL AND ($1::bigint IS NULL OR replay_id = $1)
ORDER BY replay_id
LIMIT 1
FOR UPDATE SKIP LOCKED

-- name: next_failed
-- The next failed events of a replay and how large they are, in the order of their numbers.
SELECT f.failed_id, octet_length(f.raw) AS size
FROM failed_events AS f
WHERE f.recovered_at IS NULL AND f.failed_id > $1 AND f.failed_id <= $2
    AND ($3::int IS NULL OR f.source_id = $3) AND ($4::text IS NULL OR f.code = $4)
    AND ($5::text IS NULL OR f.name = $5) AND ($6::bigint IS NULL OR f.failed_id = $6)
ORDER BY f.failed_id
LIMIT $7

-- name: read_failed
SELECT
    f.failed_id, f.source_id, f.name, f.received_at, f.code, f.raw, f.envelope, s.kind <> 'app' AS trusted, s.token_mode
FROM failed_events AS f
JOIN sources AS s USING (source_id)
WHERE f.failed_id = ANY($1::bigint[])
ORDER BY f.failed_id

-- name: shorten_failed
-- Of a list of events: what was read is an event or a failed event of its own by now, or names an erased person.
UPDATE failed_events SET raw = $2 WHERE failed_id = $1

-- name: known_ids
SELECT event_id FROM event_ids WHERE event_id = ANY($1::uuid[])

-- name: mark_recovered
UPDATE failed_events AS f
SET recovered_at = $3, recovered_by = $4, recovered_as = done.outcome, tried_at = $3
FROM unnest($1::bigint[], $2::text[]) AS done (failed_id, outcome)
WHERE f.failed_id = done.failed_id

-- name: mark_failed
-- Tried in vain: why it fails now goes before why it failed then.
UPDATE failed_events AS f
SET code = tried.code, reason = tried.reason, violations = string_to_array(tried.violations, E'\n'), tried_at = $5
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS tried (failed_id, code, reason, violations)
WHERE f.failed_id = tried.failed_id

-- name: take_back_counts
-- What was recovered counts as failed no longer, so that the counters go on adding up to what was sent. $5: whether it
-- counts as repeated instead, which a replay's own write of the log says already.
INSERT INTO event_counts (received_day, source_id, name, stored, repeated, failed, last_at)
SELECT day, source_id, name, 0, CASE WHEN $5::boolean THEN count(*) ELSE 0 END, -count(*), max(received_at)
FROM unnest($1::date[], $2::int[], $3::text[], $4::timestamptz[]) AS recovered (day, source_id, name, received_at)
GROUP BY day, source_id, name

-- name: advance_replay
UPDATE event_replays
SET reached = $2, recovered = recovered + $3, repeated = repeated + $4, failed = failed + $5, finished_at = $6
WHERE replay_id = $1

-- name: settle_failed
-- Failed events that the app has sent again by itself, and that were stored then: they need no replay, and must get none
-- once their ids have left the dedupe window.
UPDATE failed_events AS f
SET recovered_at = $1, recovered_by = 'app', recovered_as = 'repeated'
FROM event_ids AS i
WHERE f.recovered_at IS NULL AND i.event_id = f.becomes
RETURNING f.received_at, f.source_id, f.name
