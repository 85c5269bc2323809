-- name: count_days
-- Each name's day. $2: one source only, $3: one name only.
SELECT
    name,
    received_day AS day,
    sum(stored)::bigint AS stored,
    sum(repeated)::bigint AS repeated,
    sum(failed)::bigint AS failed,
    sum(violated)::bigint AS violated,
    max(last_at) AS last_at
FROM event_counts
WHERE received_day >= $1::date AND ($2::int IS NULL OR source_id = $2) AND ($3::text IS NULL OR name = $3)
GROUP BY name, received_day
ORDER BY name, received_day

-- name: count_violations
-- What events of a name break, without the places in lists, as far back as the log reaches.
SELECT regexp_replace(violation, '\[\d+\]', '[]', 'g') AS violation, count(*) AS events, max(received_at) AS last_at
FROM event_log, unnest(violations) AS violation
WHERE violations IS NOT NULL AND event = $1 AND ($2::int IS NULL OR source_id = $2)
GROUP BY 1
ORDER BY events DESC, 1
LIMIT 100

-- name: sample_event
-- Some of the latest events of a name. Only the newest rows of the log are looked at, so that a rare name costs no scan.
SELECT payload -> 'properties' AS properties, received_at
FROM event_log
WHERE seq > (SELECT coalesce(max(seq), 0) FROM event_log) - $4::bigint
    AND type = 'track' AND event = $1 AND ($2::int IS NULL OR source_id = $2)
ORDER BY seq DESC
LIMIT $3
