-- name: lake_upto
-- Everything up to this number is in the lake: batches are done in their order, and --rebuild begins at the first again.
SELECT coalesce(
    (SELECT min(after_seq) FROM refresh_batches WHERE done_at IS NULL),
    (SELECT max(upto_seq) FROM refresh_batches),
    0
)

-- name: note_dropped
INSERT INTO dropped_days (received_day, upto_seq, events, dropped_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (received_day) DO UPDATE
SET upto_seq = greatest(dropped_days.upto_seq, excluded.upto_seq),
    events = dropped_days.events + excluded.events,
    dropped_at = excluded.dropped_at

-- name: dropped_upto
-- Up to which number the log was dropped, 0 for nothing, and the last day of it.
SELECT coalesce(max(upto_seq), 0) AS upto_seq, max(received_day) AS day FROM dropped_days

-- name: clear_rest
-- Old days that never had a partition lie in the rest; a piece of them at a time.
WITH gone AS (
    DELETE FROM event_log_rest
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM event_log_rest WHERE received_day < $1 AND seq <= $2 LIMIT $3
    ))
    RETURNING received_day, seq
)
SELECT received_day, max(seq) AS upto_seq, count(*) AS events FROM gone GROUP BY received_day

-- name: take_sweep
-- One sweeper at a time; whoever comes second finds nothing to do.
SELECT cutoff, next_page FROM id_sweep FOR UPDATE SKIP LOCKED

-- name: count_id_pages
SELECT pg_relation_size('event_ids') / current_setting('block_size')::bigint

-- name: forget_ids
-- Ids of some pages of the table that came before a day.
WITH gone AS (
    DELETE FROM event_ids WHERE ctid >= $1::tid AND ctid < $2::tid AND received_day < $3 RETURNING 1
)
SELECT count(*) FROM gone

-- name: note_sweep
UPDATE id_sweep SET cutoff = $1, next_page = $2

-- name: forget_failed
-- A piece of the failed events that are done with. Nothing is recovered before it comes, so that the index on received_at
-- leads to both kinds. What a replay holds is left for the next round: nobody waits for it, nor it for us.
WITH old AS (
    SELECT failed_id FROM failed_events
    WHERE received_at < greatest($1::timestamptz, $2::timestamptz)
        AND (recovered_at < $1 OR (recovered_at IS NULL AND received_at < $2))
    ORDER BY received_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM failed_events WHERE failed_id = ANY (ARRAY(SELECT failed_id FROM old)) RETURNING recovered_at
)
SELECT count(recovered_at) AS recovered, count(*) - count(recovered_at) AS waiting FROM gone

-- name: note_history_dropped
-- Once for a first day that stays, before it is done: whoever dies in between does it the next time.
INSERT INTO audit_log (at, actor, action, object, detail)
SELECT $1, 'joren', 'history.drop', 'lake', $2::jsonb
WHERE NOT EXISTS (SELECT 1 FROM audit_log WHERE action = 'history.drop' AND detail = $2::jsonb)
