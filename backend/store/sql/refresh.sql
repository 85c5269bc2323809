-- name: try_writer_lock
-- One refresh at a time, whatever process: held by the session, gone with it.
SELECT pg_try_advisory_lock(7236843)

-- name: leave_writer_lock
SELECT pg_advisory_unlock(7236843)

-- name: take_epoch
-- Whoever comes later has the higher number; an earlier one finds that out at his next transaction.
UPDATE refresh_writer SET epoch = epoch + 1, taken_at = now() RETURNING epoch

-- name: hold_epoch
-- Shared: the epoch cannot move on before this transaction ends.
SELECT epoch FROM refresh_writer FOR SHARE

-- name: unfinished_batch
SELECT batch, after_seq, upto_seq, projected_at
FROM refresh_batches
WHERE done_at IS NULL
ORDER BY batch
LIMIT 1

-- name: last_batch
-- The end of what was planned so far; 0 and 0 before the first.
SELECT coalesce(max(batch), 0) AS batch, coalesce(max(upto_seq), 0) AS upto_seq FROM refresh_batches

-- name: last_done
-- Of batches that held anything: where all of it was erased people's, there was nothing to move, and the lake has not heard of it.
SELECT coalesce(max(batch), 0) FROM refresh_batches WHERE done_at IS NOT NULL AND events > 0

-- name: forget_done
-- The ranges stay, so that every batch is what it was; only the lake gets them again.
UPDATE refresh_batches SET done_at = NULL

-- name: batch_end
-- The seq of the last of the next $3 events up to $2; the log has gaps, so numbers are no count.
SELECT max(seq) FROM (
    SELECT seq FROM event_log WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3
) AS next

-- name: plan_batch
INSERT INTO refresh_batches (batch, after_seq, upto_seq, planned_at)
VALUES ($1, $2, $3, $4)
RETURNING batch, after_seq, upto_seq, projected_at

-- name: read_batch
-- The payload as text: each reader decodes only what it needs.
SELECT seq, received_day, received_at, source_id, trusted, token_verdict, type, event, user_id, anonymous_id, occurred_at,
    payload::text AS payload
FROM event_log
WHERE seq > $1 AND seq <= $2
ORDER BY seq

-- name: done_batches
-- Which batches told of a range of numbers: to read them again where the lake lost a file.
SELECT batch, after_seq, upto_seq, projected_at
FROM refresh_batches
WHERE done_at IS NOT NULL AND after_seq < $2 AND upto_seq >= $1
ORDER BY batch

-- name: mark_projected
UPDATE refresh_batches SET projected_at = $2 WHERE batch = $1

-- name: mark_done
UPDATE refresh_batches SET done_at = $2, events = $3 WHERE batch = $1

-- name: read_state
-- What there is to do: how far the lake is, how far the log, whether frame rows wait. Cheap enough for every tick.
SELECT
    coalesce((SELECT max(upto_seq) FROM refresh_batches WHERE done_at IS NOT NULL), 0) AS done_seq,
    coalesce((SELECT max(seq) FROM event_log), 0) AS log_seq,
    EXISTS (SELECT FROM refresh_batches WHERE done_at IS NULL) AS unfinished,
    EXISTS (SELECT FROM touched_customers) AS touched

-- name: projected_upto
SELECT coalesce(max(upto_seq), 0) FROM refresh_batches WHERE projected_at IS NOT NULL

-- name: count_waiting
-- How many events of the log are not in the lake yet.
SELECT count(*) FROM event_log
WHERE seq > coalesce((SELECT max(upto_seq) FROM refresh_batches WHERE done_at IS NOT NULL), 0)

-- name: oldest_waiting
-- When the oldest event that is not in the lake yet came in.
SELECT received_at FROM event_log
WHERE seq > coalesce((SELECT max(upto_seq) FROM refresh_batches WHERE done_at IS NOT NULL), 0)
ORDER BY seq
LIMIT 1

-- name: source_kinds
SELECT source_id, kind FROM sources

-- name: touch
-- Sorted, so that two who touch the same people never wait for each other in a circle.
INSERT INTO touched_customers (customer_id, touched_at)
SELECT customer_id, clock_timestamp()
FROM unnest($1::bigint[]) AS given (customer_id)
ORDER BY customer_id
ON CONFLICT (customer_id) DO UPDATE SET touched_at = excluded.touched_at

-- name: touch_all
INSERT INTO touched_customers (customer_id, touched_at)
SELECT customer_id, clock_timestamp() FROM customers WHERE merged_into IS NULL
ON CONFLICT (customer_id) DO UPDATE SET touched_at = excluded.touched_at

-- name: read_touched
-- With the version of each row: whoever is touched again meanwhile has another one and stays in the queue.
-- Neighbours in a bucket of the lake first: where many wait, each piece of them then reads its own part of history.
SELECT customer_id, xmin::text::bigint AS version FROM touched_customers ORDER BY customer_id % 16, customer_id LIMIT $1

-- name: clear_touched
-- Their memberships are looked at next: in one statement, so that a crash leaves nobody in neither queue.
WITH cleared AS (
    DELETE FROM touched_customers AS t
    USING unnest($1::bigint[], $2::bigint[]) AS done (customer_id, version)
    WHERE t.customer_id = done.customer_id AND t.xmin::text::bigint = done.version
    RETURNING t.customer_id
)
INSERT INTO membership_queue (customer_id, queued_at)
SELECT customer_id, clock_timestamp() FROM cleared ORDER BY customer_id
ON CONFLICT (customer_id) DO UPDATE SET queued_at = excluded.queued_at
