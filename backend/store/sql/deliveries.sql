-- name: claim_people
-- Takes up to $3 people who are due, and says so at once: whoever stops them later in the transaction corrects it. Rows that another
-- worker holds are passed over. $4: of those who waited for the winner of a test, who get $5; where that is null, each what was drawn.
WITH due AS (
    SELECT customer_id, occurrence, step FROM campaign_people
    WHERE campaign_id = $1 AND state = 'planned' AND rest = $4 AND not_before <= $2
    ORDER BY not_before, customer_id
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
UPDATE campaign_people AS p
SET state = 'handed', changed_at = $2, variant = coalesce($5, p.variant)
FROM due
WHERE p.campaign_id = $1 AND p.customer_id = due.customer_id AND p.occurrence = due.occurrence AND p.step = due.step
RETURNING
    p.customer_id, p.occurrence, p.step, p.version, p.variant, p.expires_at, p.merge_fields,
    NULL::bigint AS delivery_id, NULL::bigint AS device_id, 0 AS attempts

-- name: claim_again
-- Takes up to $3 devices whose next try is due.
SELECT
    d.customer_id, d.occurrence, d.step, p.version, p.variant, d.expires_at, p.merge_fields,
    d.delivery_id, d.device_id, d.attempts
FROM deliveries AS d
JOIN campaign_people AS p USING (customer_id, campaign_id, occurrence, step)
WHERE d.campaign_id = $1 AND d.retry_at <= $2
ORDER BY d.retry_at, d.delivery_id
LIMIT $3
FOR UPDATE OF d SKIP LOCKED

-- name: lock_people
-- One claim at a time for a person, so that two campaigns cannot both be under the cap; nothing is written for it. The caller sorts,
-- so that two claims with the same people wait for each other and never deadlock.
SELECT count(pg_advisory_xact_lock(7236852, held)) FROM unnest($1::int[]) AS held

-- name: read_standing
-- What the last check and the text need of the people of a claim, one row a device that may be sent to: the newest live one ($8: all
-- of them), or the very one that a try belongs to. A statement of its own after lock_people: it must see what the claim that held the
-- lock before has committed. Sends of the same occurrence and step do not count: a person's second device gets the same push. $9: the
-- priority that counts. A device that gets its row only now has its number already.
SELECT
    w.place, c.customer_id,
    c.merged_into IS NOT NULL OR c.erased_at IS NOT NULL AS gone,
    coalesce(consent.granted, $7::boolean) AS consented,
    EXISTS (
        SELECT FROM static_lists AS l
        JOIN static_list_members AS m USING (list_id)
        WHERE l.exclusion AND l.archived_at IS NULL AND m.customer_id = ANY (ARRAY(
            SELECT c.customer_id UNION ALL SELECT k.customer_id FROM customers AS k WHERE k.merged_into = c.customer_id
        ))
    ) AS excluded,
    device.device_id, device.address, device.address_kind, device.platform,
    CASE WHEN device.device_id IS NOT NULL THEN coalesce(w.delivery_id, nextval('deliveries_delivery_id_seq')) END AS delivery_id,
    sent.day AS sent_day,
    sent.week AS sent_week,
    coalesce(c.traits ->> 'language', c.traits ->> 'locale', device.locale) AS language,
    coalesce(c.traits ->> 'family_name', c.traits ->> 'last_name', c.traits ->> 'lastName') AS family_name,
    coalesce(c.traits ->> 'given_name', c.traits ->> 'first_name', c.traits ->> 'firstName') AS given_name,
    coalesce(device.time_zone, c.traits ->> 'timezone', c.traits ->> 'time_zone') AS zone
FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::bigint[], $5::bigint[])
    WITH ORDINALITY AS w (customer_id, occurrence, step, device_id, delivery_id, place)
JOIN customers AS c USING (customer_id)
LEFT JOIN consents AS consent
    ON consent.customer_id = w.customer_id AND consent.purpose = $11::text AND consent.channel = 'push'
LEFT JOIN LATERAL (
    SELECT d.device_id, d.address, d.address_kind, d.platform, d.locale, d.time_zone
    FROM devices AS d
    WHERE d.customer_id = w.customer_id AND d.state = 'live' AND d.permission <> 'denied'
        AND (w.device_id IS NULL OR d.device_id = w.device_id)
    ORDER BY d.last_seen DESC, d.device_id DESC
    LIMIT CASE WHEN $8::boolean THEN NULL ELSE 1 END
) AS device ON true
CROSS JOIN LATERAL (
    SELECT
        count(DISTINCT (o.campaign_id, o.occurrence, o.step)) FILTER (WHERE o.sent_at > $6::timestamptz - interval '24 hours') AS day,
        count(DISTINCT (o.campaign_id, o.occurrence, o.step)) AS week
    FROM deliveries AS o
    WHERE o.customer_id = w.customer_id AND o.sent_at > $6::timestamptz - interval '7 days' AND o.priority >= $9::smallint
        AND NOT (o.campaign_id = $10::int AND o.occurrence = w.occurrence AND o.step = w.step)
) AS sent
ORDER BY w.place, device.device_id

-- name: hand_over
-- Device rows of claimed people. Those that go out now are marked as sending in the commit before the call, under the attempt that
-- holds them; the rest waits for its turn. A device that has its row already keeps it.
WITH made AS (
    INSERT INTO deliveries (
        delivery_id, customer_id, occurrence, step, device_id, expires_at, campaign_id, priority, state, attempts, attempt_id,
        sent_at, retry_at, changed_at
    )
    OVERRIDING SYSTEM VALUE
    SELECT
        w.delivery_id, w.customer_id, w.occurrence, w.step, w.device_id, w.expires_at, $9, w.priority,
        CASE WHEN w.now THEN 'sending' ELSE 'planned' END, w.now::int, CASE WHEN w.now THEN $10::uuid END,
        CASE WHEN w.now THEN $11::timestamptz END, CASE WHEN NOT w.now THEN $11 END, $11
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::timestamptz[], $7::boolean[], $8::smallint[])
        AS w (delivery_id, customer_id, occurrence, step, device_id, expires_at, now, priority)
    ON CONFLICT DO NOTHING
    RETURNING delivery_id, state
), going AS (
    SELECT array_agg(delivery_id) AS ids FROM made WHERE state = 'sending'
), held AS (
    INSERT INTO send_attempts (attempt_id, campaign_id, leased_until, delivery_ids)
    SELECT $10, $9, $12, going.ids FROM going WHERE going.ids IS NOT NULL
)
SELECT unnest(ids) FROM going

-- name: mark_again
-- The same for devices that are tried again.
WITH made AS (
    UPDATE deliveries
    SET state = 'sending', sent_at = $4, attempts = attempts + 1, attempt_id = $2, retry_at = NULL, changed_at = $4
    WHERE delivery_id = ANY($1::bigint[]) AND state = 'planned'
    RETURNING delivery_id
), going AS (
    SELECT array_agg(delivery_id) AS ids FROM made
), held AS (
    INSERT INTO send_attempts (attempt_id, campaign_id, leased_until, delivery_ids)
    SELECT $2, $3, $5, going.ids FROM going WHERE going.ids IS NOT NULL
)
SELECT unnest(ids) FROM going

-- name: stop_people
-- Claimed people who get nothing now: left out for good, expired, or planned for later.
UPDATE campaign_people AS p
SET state = given.state, reason = given.reason, not_before = coalesce(given.not_before, p.not_before), changed_at = $8
FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::text[], $5::text[], $6::timestamptz[])
    AS given (customer_id, occurrence, step, state, reason, not_before)
WHERE p.campaign_id = $7 AND p.customer_id = given.customer_id AND p.occurrence = given.occurrence AND p.step = given.step

-- name: stop_again
-- The same for devices that were to be tried again.
UPDATE deliveries AS d
SET state = given.state, reason = given.reason,
    retry_at = CASE WHEN given.state = 'planned' THEN coalesce(given.not_before, d.retry_at) END, changed_at = $5
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[]) AS given (delivery_id, state, reason, not_before)
WHERE d.delivery_id = given.delivery_id AND d.state = 'planned'

-- name: record_outcomes
-- The fence after the call: an answer counts only for its own attempt. It may still mend what recovery called unknown.
-- What surely was not accepted no longer counts as a send. A campaign that was cancelled, or has
-- ended, plans nothing anew.
WITH done AS (
    DELETE FROM send_attempts WHERE attempt_id = $7
)
UPDATE deliveries AS d
SET state = CASE WHEN given.state = 'planned' AND $9::text NOT IN ('sending', 'paused') THEN 'cancelled' ELSE given.state END,
    error_code = given.error_code,
    message_name = given.message_name,
    retry_at = CASE WHEN given.state = 'planned' AND $9::text IN ('sending', 'paused') THEN given.not_before END,
    sent_at = CASE WHEN given.maybe_sent THEN d.sent_at END,
    attempt_id = CASE WHEN given.state = 'planned' THEN NULL ELSE d.attempt_id END,
    changed_at = $8
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[])
    AS given (delivery_id, state, error_code, message_name, not_before, maybe_sent)
WHERE d.delivery_id = given.delivery_id AND d.attempt_id = $7 AND d.state IN ('sending', 'unknown')
RETURNING d.delivery_id

-- name: recover
-- Their worker vanished after the mark: nobody knows. Policy once keeps that as the outcome (and the attempt's
-- id, so that a late answer can still mend it); surely plans another try, the same tag replacing the first. The policy is that of the
-- version that the person entered.
WITH gone AS (
    DELETE FROM send_attempts WHERE leased_until < $1 RETURNING attempt_id, campaign_id, delivery_ids
), lost AS (
    SELECT gone.attempt_id, one.delivery_id, told.surely, told.surely AND c.state <> 'cancelled' AS again
    FROM gone
    JOIN campaigns AS c USING (campaign_id)
    CROSS JOIN LATERAL unnest(gone.delivery_ids) AS one (delivery_id)
    JOIN deliveries AS d ON d.delivery_id = one.delivery_id
    JOIN campaign_people AS p ON p.customer_id = d.customer_id AND p.campaign_id = d.campaign_id AND p.occurrence = d.occurrence AND p.step = d.step
    JOIN campaign_versions AS v ON v.campaign_id = p.campaign_id AND v.version = p.version
    CROSS JOIN LATERAL (SELECT coalesce(v.definition ->> 'policy', 'once') = 'surely' AS surely) AS told
)
UPDATE deliveries AS d
SET state = CASE WHEN lost.again AND d.attempts < $2 AND d.expires_at > $3::timestamptz THEN 'planned' ELSE 'unknown' END,
    retry_at = CASE WHEN lost.again AND d.attempts < $2 AND d.expires_at > $3::timestamptz THEN $3::timestamptz END,
    attempt_id = CASE WHEN lost.surely THEN NULL ELSE d.attempt_id END,
    error_code = 'worker_lost',
    changed_at = $1
FROM lost
WHERE d.delivery_id = lost.delivery_id AND d.attempt_id = lost.attempt_id AND d.state = 'sending'
RETURNING d.campaign_id

-- name: expire_people
UPDATE campaign_people
SET state = 'expired', reason = 'expiry', changed_at = $2
WHERE campaign_id = $1 AND state = 'planned' AND expires_at <= $2

-- name: expire_devices
UPDATE deliveries
SET state = 'expired', reason = 'expiry', retry_at = NULL, changed_at = $2
WHERE campaign_id = $1 AND retry_at IS NOT NULL AND expires_at <= $2

-- name: cancel_people
-- Everybody who was not claimed; what is on its way keeps its outcome.
UPDATE campaign_people
SET state = 'cancelled', changed_at = $2
WHERE campaign_id = $1 AND state = 'planned'

-- name: cancel_devices
UPDATE deliveries
SET state = 'cancelled', retry_at = NULL, changed_at = $2
WHERE campaign_id = $1 AND retry_at IS NOT NULL

-- name: has_work_left
SELECT
    EXISTS (SELECT FROM campaign_people WHERE campaign_id = $1 AND state = 'planned')
    OR EXISTS (SELECT FROM deliveries WHERE campaign_id = $1 AND retry_at IS NOT NULL)
    OR EXISTS (SELECT FROM send_attempts WHERE campaign_id = $1)

-- name: retire_device
-- Only the address that was refused: a device that registered anew meanwhile keeps its new one.
UPDATE devices AS d
SET state = 'retired', retired_at = $3, retired_reason = 'unregistered'
FROM customers AS c
WHERE d.device_id = $1 AND d.address = $2 AND d.state <> 'retired' AND c.customer_id = d.customer_id
RETURNING d.device_id, d.customer_id, d.source_id, d.anonymous_id, d.device_key, d.platform, c.user_id, c.born_anonymous_id

-- name: touch_customer
INSERT INTO touched_customers (customer_id, touched_at) VALUES ($1, $2)
ON CONFLICT (customer_id) DO UPDATE SET touched_at = greatest(touched_customers.touched_at, excluded.touched_at)

-- name: system_source
SELECT source_id FROM sources WHERE kind = 'system'

-- name: read_hold
SELECT until FROM send_hold WHERE until > $1

-- name: extend_hold
INSERT INTO send_hold (until) VALUES ($1)
ON CONFLICT (single) DO UPDATE SET until = greatest(send_hold.until, excluded.until)

-- name: list_live_devices
-- A customer's devices that can be sent to, and what a text may say about the person.
SELECT
    d.device_id, d.address, d.address_kind, d.platform, d.permission,
    coalesce(c.traits ->> 'language', c.traits ->> 'locale', d.locale) AS language,
    coalesce(c.traits ->> 'family_name', c.traits ->> 'last_name', c.traits ->> 'lastName') AS family_name,
    coalesce(c.traits ->> 'given_name', c.traits ->> 'first_name', c.traits ->> 'firstName') AS given_name
FROM customers AS c
LEFT JOIN devices AS d ON d.customer_id = c.customer_id AND d.state = 'live'
WHERE c.customer_id = $1 AND c.merged_into IS NULL AND c.erased_at IS NULL
ORDER BY d.device_id

-- name: read_names
SELECT
    c.customer_id,
    coalesce(c.traits ->> 'language', c.traits ->> 'locale') AS language,
    coalesce(c.traits ->> 'family_name', c.traits ->> 'last_name', c.traits ->> 'lastName') AS family_name,
    coalesce(c.traits ->> 'given_name', c.traits ->> 'first_name', c.traits ->> 'firstName') AS given_name
FROM customers AS c
WHERE c.customer_id = ANY($1::bigint[]) AND c.erased_at IS NULL
ORDER BY c.customer_id
