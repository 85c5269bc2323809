-- name: hold_staging
-- One bulk writer at a time: the table is emptied before and after use.
SELECT pg_advisory_xact_lock(7236845)

-- name: clear_staging
DELETE FROM staged_events

-- name: count_staging
ANALYZE staged_events

-- name: move_staged
-- What `events.append` does for rows from the network, in one statement: ids are claimed in their order, so that two
-- writers never deadlock; only new ones enter the log, in their given order; both outcomes are counted.
WITH first AS (
    SELECT DISTINCT ON (event_id) * FROM staged_events ORDER BY event_id, position
), new AS (
    INSERT INTO event_ids (event_id, source_id, received_day)
    SELECT event_id, source_id, ($1::timestamptz AT TIME ZONE 'UTC')::date FROM first ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
), moved AS (
    INSERT INTO event_log (
        received_day, received_at, source_id, trusted, message_id, type, event, user_id, anonymous_id,
        occurred_at, original_at, time_rule, payload
    )
    SELECT
        ($1::timestamptz AT TIME ZONE 'UTC')::date, $1::timestamptz, source_id, trusted, message_id, type, event,
        user_id, anonymous_id, occurred_at, occurred_at, 'as_sent', payload
    FROM first JOIN new USING (event_id)
    ORDER BY position
    RETURNING source_id, CASE WHEN type = 'track' AND event <> '' THEN event ELSE type END AS name
), stored AS (
    SELECT source_id, name, count(*) AS stored FROM moved GROUP BY source_id, name
), given AS (
    SELECT source_id, CASE WHEN type = 'track' AND event <> '' THEN event ELSE type END AS name, count(*) AS given
    FROM staged_events
    GROUP BY 1, 2
), counted AS (
    INSERT INTO event_counts (received_day, source_id, name, stored, repeated, failed, last_at)
    SELECT
        ($1::timestamptz AT TIME ZONE 'UTC')::date, source_id, name, coalesce(stored, 0),
        given - coalesce(stored, 0), 0, $1::timestamptz
    FROM given LEFT JOIN stored USING (source_id, name)
    RETURNING stored, repeated
)
SELECT coalesce(sum(stored), 0)::bigint AS stored, coalesce(sum(repeated), 0)::bigint AS repeated FROM counted
