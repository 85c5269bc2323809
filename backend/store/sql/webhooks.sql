-- name: publish
-- Message and deliveries in one statement, in the transaction of the fact. Where nobody asked for this type, nothing is
-- written. $5: only this endpoint, whatever it asked for (a ping); it need not be active. Held, so that an endpoint that is
-- being removed takes the fact's transaction not along.
WITH wanted AS (
    SELECT endpoint_id FROM webhook_endpoints
    WHERE CASE WHEN $5::int IS NULL THEN state = 'active' AND $2::text = ANY (event_types) ELSE endpoint_id = $5 END
    FOR KEY SHARE
),
message AS (
    INSERT INTO webhook_messages (message_id, type, at, body)
    SELECT $1::text, $2::text, $3::timestamptz, $4::text WHERE EXISTS (SELECT FROM wanted)
)
INSERT INTO webhook_deliveries (endpoint_id, message_id, next_at, changed_at)
SELECT endpoint_id, $1::text, $3::timestamptz, $3::timestamptz FROM wanted
RETURNING delivery_id;

-- name: is_wanted
SELECT EXISTS (SELECT FROM webhook_endpoints WHERE state = 'active' AND $1::text = ANY (event_types));

-- name: insert_endpoint
INSERT INTO webhook_endpoints (url, description, event_types, secret, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING endpoint_id;

-- name: list_endpoints
-- With how many deliveries wait and how many died in the last days ($2 on). Secrets are never read for a list.
SELECT
    e.endpoint_id, e.url, e.description, e.event_types, e.state, e.disabled_at, e.disabled_reason, e.failing_since,
    e.previous_until, e.created_at, e.created_by,
    (SELECT count(*) FROM webhook_deliveries AS d WHERE d.endpoint_id = e.endpoint_id AND d.state = 'waiting') AS waiting,
    (
        SELECT count(*) FROM webhook_deliveries AS d
        WHERE d.endpoint_id = e.endpoint_id AND d.state = 'dead' AND d.changed_at >= $2
    ) AS dead,
    (
        SELECT max(d.changed_at) FROM webhook_deliveries AS d
        WHERE d.endpoint_id = e.endpoint_id AND d.state = 'delivered'
    ) AS delivered_at
FROM webhook_endpoints AS e
WHERE $1::int IS NULL OR e.endpoint_id = $1
ORDER BY e.endpoint_id;

-- name: lock_endpoint
SELECT endpoint_id, url, secret, state, failing_since, previous_secret, previous_until
FROM webhook_endpoints WHERE endpoint_id = $1 FOR NO KEY UPDATE;

-- name: change_endpoint
UPDATE webhook_endpoints SET url = $2, description = $3, event_types = $4 WHERE endpoint_id = $1;

-- name: rotate_secret
UPDATE webhook_endpoints SET previous_secret = secret, previous_until = $3, secret = $2 WHERE endpoint_id = $1;

-- name: forget_previous_secrets
UPDATE webhook_endpoints SET previous_secret = NULL, previous_until = NULL WHERE previous_until <= $1;

-- name: enable_endpoint
UPDATE webhook_endpoints
SET state = 'active', disabled_at = NULL, disabled_reason = NULL, failing_since = NULL
WHERE endpoint_id = $1;

-- name: disable_endpoint
UPDATE webhook_endpoints
SET state = 'disabled', disabled_at = $2, disabled_reason = $3
WHERE endpoint_id = $1 AND state = 'active'
RETURNING endpoint_id;

-- name: remove_endpoint
DELETE FROM webhook_endpoints WHERE endpoint_id = $1 RETURNING endpoint_id;

-- name: note_success
UPDATE webhook_endpoints SET failing_since = NULL WHERE endpoint_id = $1 AND failing_since IS NOT NULL;

-- name: note_failure
UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, $2) WHERE endpoint_id = $1
RETURNING failing_since;

-- name: claim
-- A few of each active endpoint, so that a slow one does not hold up the others. Rows that another worker is claiming are
-- passed over; those of a worker that died come back when its lease is over. Pings go to disabled ones too.
UPDATE webhook_deliveries AS d
SET attempt_id = $1, attempts = d.attempts + 1, leased_until = $3, changed_at = $2
FROM (
    SELECT due.delivery_id, e.url, e.secret, CASE WHEN e.previous_until > $2 THEN e.previous_secret END AS previous_secret,
           m.body, m.message_id
    FROM webhook_endpoints AS e
    CROSS JOIN LATERAL (
        SELECT w.delivery_id, w.message_id FROM webhook_deliveries AS w
        WHERE w.endpoint_id = e.endpoint_id AND w.state = 'waiting' AND w.next_at <= $2
          AND (w.leased_until IS NULL OR w.leased_until < $2)
          AND (
              e.state = 'active'
              OR (SELECT p.type FROM webhook_messages AS p WHERE p.message_id = w.message_id) = 'webhook.ping'
          )
        ORDER BY w.next_at, w.delivery_id
        LIMIT $4
        FOR UPDATE SKIP LOCKED
    ) AS due
    JOIN webhook_messages AS m ON m.message_id = due.message_id
) AS taken
WHERE d.delivery_id = taken.delivery_id
RETURNING d.delivery_id, d.endpoint_id, d.attempts, taken.message_id, taken.url, taken.secret, taken.previous_secret,
          taken.body;

-- name: log_attempt
INSERT INTO webhook_attempts (delivery_id, attempt, at, milliseconds, status, error, response)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING;

-- name: settle
-- Only the attempt that holds the delivery may say what became of it.
UPDATE webhook_deliveries
SET state = $3, next_at = coalesce($4, next_at), attempt_id = NULL, leased_until = NULL, changed_at = $5
WHERE delivery_id = $1 AND attempt_id = $2
RETURNING delivery_id;

-- name: resend
-- A person's act: at once, whatever became of it before. The id stays, so the receiver knows it again.
UPDATE webhook_deliveries
SET state = 'waiting', next_at = $2, attempt_id = NULL, leased_until = NULL, changed_at = $2
WHERE delivery_id = $1
RETURNING delivery_id, endpoint_id;

-- name: list_deliveries
SELECT
    d.delivery_id, d.endpoint_id, e.url, d.message_id, m.type, m.at, d.state, d.attempts, d.next_at, d.changed_at,
    a.status, a.error, a.milliseconds
FROM webhook_deliveries AS d
JOIN webhook_messages AS m USING (message_id)
JOIN webhook_endpoints AS e USING (endpoint_id)
LEFT JOIN LATERAL (
    SELECT l.status, l.error, l.milliseconds FROM webhook_attempts AS l
    WHERE l.delivery_id = d.delivery_id ORDER BY l.attempt DESC LIMIT 1
) AS a ON true
WHERE ($1::int IS NULL OR d.endpoint_id = $1) AND ($2::bigint IS NULL OR d.delivery_id < $2)
  AND ($3::text IS NULL OR d.state = $3)
ORDER BY d.delivery_id DESC
LIMIT $4;

-- name: get_delivery
SELECT d.delivery_id, d.endpoint_id, e.url, d.message_id, m.type, m.at, d.state, d.attempts, d.next_at, d.changed_at, m.body
FROM webhook_deliveries AS d
JOIN webhook_messages AS m USING (message_id)
JOIN webhook_endpoints AS e USING (endpoint_id)
WHERE d.delivery_id = $1;

-- name: list_attempts
SELECT attempt, at, milliseconds, status, error, response FROM webhook_attempts WHERE delivery_id = $1 ORDER BY attempt DESC;

-- name: prune_messages
-- Deliveries and attempts go with them. What still waits is kept, a few thousand at a time are removed.
DELETE FROM webhook_messages
WHERE message_id IN (
    SELECT m.message_id FROM webhook_messages AS m
    WHERE m.at < $1
      AND NOT EXISTS (SELECT FROM webhook_deliveries AS d WHERE d.message_id = m.message_id AND d.state = 'waiting')
    LIMIT 5000
);

-- name: bury_old
-- What waits at a disabled endpoint for longer than it would have been tried.
UPDATE webhook_deliveries AS d
SET state = 'dead', changed_at = $2
FROM webhook_messages AS m
WHERE m.message_id = d.message_id AND d.state = 'waiting' AND m.at < $1 AND (d.leased_until IS NULL OR d.leased_until < $2)
  AND EXISTS (SELECT FROM webhook_endpoints AS e WHERE e.endpoint_id = d.endpoint_id AND e.state = 'disabled');

-- name: begin_alarm
INSERT INTO webhook_alarms (name, seen_upto)
SELECT 'failed_events', coalesce(max(failed_id), 0) FROM failed_events
ON CONFLICT DO NOTHING;

-- name: lock_alarm
SELECT seen_upto, rung_at FROM webhook_alarms WHERE name = 'failed_events' FOR UPDATE SKIP LOCKED;

-- name: count_new_failures
SELECT code, count(*) AS failed, max(failed_id) AS newest FROM failed_events WHERE failed_id > $1 GROUP BY code ORDER BY code;

-- name: ring_alarm
UPDATE webhook_alarms SET seen_upto = $1, rung_at = $2 WHERE name = 'failed_events';
