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
