-- name: read_lag
-- How far the facts are behind the log: numbers not yet read (gaps included) and the oldest event that waits.
WITH done AS (
    SELECT coalesce(max(upto_seq), 0) AS upto, max(done_at) AS refreshed_at
    FROM refresh_batches
    WHERE done_at IS NOT NULL
)
SELECT
    done.refreshed_at,
    greatest(coalesce((SELECT max(seq) FROM event_log), 0) - done.upto, 0) AS rows_behind,
    (SELECT received_at FROM event_log WHERE seq > done.upto ORDER BY seq LIMIT 1) AS oldest_waiting
FROM done

-- name: sum_counts
SELECT
    coalesce(sum(stored), 0)::bigint AS stored,
    coalesce(sum(repeated), 0)::bigint AS repeated,
    coalesce(sum(failed), 0)::bigint AS failed
FROM event_counts

-- name: count_deliveries
-- Who waits to be claimed has no device row yet.
SELECT state, sum(deliveries)::bigint AS deliveries
FROM (
    SELECT state, count(*) AS deliveries FROM deliveries GROUP BY state
    UNION ALL
    SELECT 'planned', count(*) FROM campaign_people WHERE state = 'planned' HAVING count(*) > 0
) AS counted
GROUP BY state
ORDER BY state

-- name: count_entries
-- People in journeys that are sending: due and not yet looked at, and put aside; how long the oldest is due, in seconds.
SELECT
    count(*) FILTER (WHERE e.state = 'waiting')::bigint AS due, count(*) FILTER (WHERE e.state = 'aside')::bigint AS aside,
    greatest(extract(epoch FROM $1 - min(e.due_at) FILTER (WHERE e.state = 'waiting')), 0)::float8 AS late,
    greatest(
        coalesce((SELECT max(upto_seq) FROM refresh_batches WHERE projected_at IS NOT NULL), 0)
        - coalesce((SELECT position FROM trigger_positions WHERE feed = 'events'), 0), 0
    ) AS unread
FROM journey_entries AS e JOIN campaigns AS c USING (campaign_id)
WHERE c.state = 'sending' AND (e.state = 'aside' OR (e.state = 'waiting' AND e.due_at <= $1))
