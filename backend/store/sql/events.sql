-- name: enter_writer
-- Every writer of the log holds the fence, shared, from here to its commit: a reader who has held it alone knows that
-- no smaller seq is still to come. Durability is asked for by name, whatever role, database or pooler would choose.
SELECT pg_advisory_xact_lock_shared(7236842), set_config('synchronous_commit', 'on', true)

-- name: claim_ids
-- Enters the fence, as enter_writer does, claims ids, and gives back those that were known: usually none, so that nothing is
-- sent. Rows reach the INSERT through the join with the fence, so it is held before the first id is: a writer that held
-- an id and waited for the fence would block others who hold the fence and wait for the id. Sorted, so that two writers
-- with the same ids wait for each other and never deadlock.
WITH fence AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(7236842), set_config('synchronous_commit', 'on', true)
), given AS MATERIALIZED (
    SELECT event_id, source_id
    FROM fence CROSS JOIN unnest($1::uuid[], $2::int[]) AS given (event_id, source_id)
    ORDER BY event_id
), new AS (
    INSERT INTO event_ids (event_id, source_id, received_day)
    SELECT event_id, source_id, $3::date FROM given
    ON CONFLICT DO NOTHING
    RETURNING event_id
)
SELECT ARRAY(SELECT event_id FROM given WHERE event_id NOT IN (SELECT event_id FROM new)) AS known

-- name: keep_failed
-- A blind retry of a bad event is kept once. Gives back the ids that were new.
INSERT INTO failed_events (event_id, source_id, received_at, code, reason, raw, name, violations, envelope, becomes)
SELECT
    event_id, source_id, $10::timestamptz, code, reason, raw, name, string_to_array(violations, E'\n'), envelope, becomes
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::bytea[], $9::uuid[])
    AS given (event_id, source_id, code, reason, raw, name, violations, envelope, becomes)
ORDER BY event_id
ON CONFLICT DO NOTHING
RETURNING event_id

-- name: add_counts
INSERT INTO event_counts (received_day, source_id, name, stored, repeated, failed, violated, last_at)
SELECT $7::date, source_id, name, stored, repeated, failed, violated, $8::timestamptz
FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS given (source_id, name, stored, repeated, failed, violated)

-- name: fold_counts
-- Rows added meanwhile are not seen and stay; rows that another folder took are skipped. Nothing is counted twice. What
-- is one row already stays where it is: years of folded days would be written anew every minute.
WITH many AS (
    SELECT received_day, source_id, name FROM event_counts GROUP BY received_day, source_id, name HAVING count(*) > 1
), taken AS (
    DELETE FROM event_counts AS c USING many AS m
    WHERE c.received_day = m.received_day AND c.source_id = m.source_id AND c.name = m.name
    RETURNING c.received_day, c.source_id, c.name, stored, repeated, failed, violated, last_at
)
INSERT INTO event_counts (received_day, source_id, name, stored, repeated, failed, violated, last_at)
SELECT received_day, source_id, name, sum(stored), sum(repeated), sum(failed), sum(violated), max(last_at)
FROM taken
GROUP BY received_day, source_id, name

-- name: set_patience
SELECT set_config('lock_timeout', $1, true)

-- name: close_fence
-- Alone at the fence: no writer is between its first row and its commit. A statement of its own, because the next one
-- must take its snapshot after the lock was granted.
SELECT pg_advisory_xact_lock(7236842)

-- name: newest_seq
SELECT coalesce(max(seq), 0) FROM event_log

-- name: count_failed_by_code
SELECT code, count(*) AS failed FROM failed_events WHERE recovered_at IS NULL GROUP BY code ORDER BY failed DESC, code

-- name: lock_partitions
-- Until the end of the transaction, one process makes partitions; the others wait as long as lock_timeout says.
SELECT pg_advisory_xact_lock(7236851)

-- name: list_partitions
SELECT c.relname
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'event_log'::regclass

-- name: read_durability
SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes
