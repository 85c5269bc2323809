-- name: read_audience
-- What the gates need of each member of a segment ($1), at $2. Consent is the person's word; where there is none, $3
-- (true where the shop takes the phone's permission as enough). Sends are counted by campaign: two devices that got
-- the same campaign are one push to the person.
SELECT
    c.customer_id,
    c.merged_into IS NOT NULL AS gone,
    coalesce(consent.granted, $3::boolean) AS consented,
    EXISTS (
        SELECT FROM static_lists AS l
        JOIN static_list_members AS m USING (list_id)
        WHERE l.exclusion AND l.archived_at IS NULL AND m.customer_id = ANY (ARRAY(
            SELECT c.customer_id UNION ALL SELECT k.customer_id FROM customers AS k WHERE k.merged_into = c.customer_id
        ))
    ) AS excluded,
    coalesce(live.devices, 0) AS devices,
    coalesce(sent.day, 0) AS sent_day,
    coalesce(sent.week, 0) AS sent_week,
    coalesce(c.traits ->> 'language', c.traits ->> 'locale', live.locale) AS language,
    coalesce(c.traits ->> 'family_name', c.traits ->> 'last_name', c.traits ->> 'lastName', '') <> '' AS has_family_name,
    coalesce(c.traits ->> 'given_name', c.traits ->> 'first_name', c.traits ->> 'firstName', '') <> '' AS has_given_name
FROM unnest($1::bigint[]) AS wanted (customer_id)
JOIN customers AS c USING (customer_id)
LEFT JOIN consents AS consent
    ON consent.customer_id = c.customer_id AND consent.purpose = 'marketing' AND consent.channel = 'push'
LEFT JOIN (
    SELECT customer_id, count(*) AS devices, max(locale) AS locale
    FROM devices
    WHERE customer_id = ANY($1::bigint[]) AND state = 'live' AND permission <> 'denied'
    GROUP BY customer_id
) AS live ON live.customer_id = c.customer_id
LEFT JOIN (
    SELECT
        customer_id,
        count(DISTINCT campaign_id) FILTER (WHERE coalesce(sent_at, changed_at) > $2::timestamptz - interval '24 hours') AS day,
        count(DISTINCT campaign_id) FILTER (WHERE coalesce(sent_at, changed_at) > $2::timestamptz - interval '7 days') AS week
    FROM deliveries
    WHERE customer_id = ANY($1::bigint[]) AND (sent_at IS NOT NULL OR state = 'claimed')
    GROUP BY customer_id
) AS sent ON sent.customer_id = c.customer_id

-- name: plan_deliveries
-- One row for each live device of each treated person, written on the server: nothing travels.
INSERT INTO deliveries (campaign_id, customer_id, device_id, state, reason, not_before, expires_at, changed_at)
SELECT
    p.campaign_id, p.customer_id, d.device_id,
    CASE WHEN $2::timestamptz < $3::timestamptz THEN 'planned' ELSE 'expired' END,
    CASE WHEN $2::timestamptz < $3::timestamptz THEN NULL ELSE 'expiry' END,
    $2, $3, $4
FROM campaign_people AS p
JOIN devices AS d USING (customer_id)
WHERE p.campaign_id = $1 AND p.arm = 'treated' AND d.state = 'live' AND d.permission <> 'denied'
ORDER BY p.customer_id, d.device_id
ON CONFLICT DO NOTHING

-- name: claim
-- Takes up to $3 due rows of a campaign under a lease; rows that another worker holds are passed over.
WITH due AS (
    SELECT delivery_id FROM deliveries
    WHERE campaign_id = $1 AND state = 'planned' AND not_before <= $2 AND expires_at > $2
    ORDER BY not_before, delivery_id
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
UPDATE deliveries AS d
SET state = 'claimed', attempt_id = $4, leased_until = $5, changed_at = $2
FROM due
WHERE d.delivery_id = due.delivery_id
RETURNING d.delivery_id, d.customer_id, d.device_id, d.expires_at, d.attempts

-- name: lock_people
-- In order, so that two claims with the same people wait for each other and never deadlock. Weaker than FOR UPDATE:
-- the foreign keys of events and sends that come in meanwhile are not held up.
SELECT customer_id FROM customers WHERE customer_id = ANY($1::bigint[]) ORDER BY customer_id FOR NO KEY UPDATE

-- name: read_standing
-- A statement of its own after lock_people: it must see what the claim that held the lock before has committed.
-- Sends of this campaign itself do not count: a person's second device gets the same push.
SELECT
    d.delivery_id, d.customer_id, d.device_id, d.expires_at, d.attempts,
    c.merged_into IS NOT NULL AS gone,
    coalesce(consent.granted, $3::boolean) AS consented,
    EXISTS (
        SELECT FROM static_lists AS l
        JOIN static_list_members AS m USING (list_id)
        WHERE l.exclusion AND l.archived_at IS NULL AND m.customer_id = ANY (ARRAY(
            SELECT c.customer_id UNION ALL SELECT k.customer_id FROM customers AS k WHERE k.merged_into = c.customer_id
        ))
    ) AS excluded,
    device.state = 'live' AND device.customer_id = d.customer_id AND device.permission <> 'denied' AS address_live,
    device.address, device.address_kind,
    coalesce(sent.day, 0) AS sent_day,
    coalesce(sent.week, 0) AS sent_week,
    coalesce(c.traits ->> 'language', c.traits ->> 'locale', device.locale) AS language,
    coalesce(c.traits ->> 'family_name', c.traits ->> 'last_name', c.traits ->> 'lastName') AS family_name,
    coalesce(c.traits ->> 'given_name', c.traits ->> 'first_name', c.traits ->> 'firstName') AS given_name,
    p.merge_fields
FROM deliveries AS d
JOIN customers AS c USING (customer_id)
JOIN devices AS device ON device.device_id = d.device_id
JOIN campaign_people AS p ON p.campaign_id = d.campaign_id AND p.customer_id = d.customer_id
LEFT JOIN consents AS consent
    ON consent.customer_id = d.customer_id AND consent.purpose = 'marketing' AND consent.channel = 'push'
LEFT JOIN LATERAL (
    SELECT
        count(DISTINCT o.campaign_id) FILTER (WHERE coalesce(o.sent_at, o.changed_at) > $2::timestamptz - interval '24 hours') AS day,
        count(DISTINCT o.campaign_id) FILTER (WHERE coalesce(o.sent_at, o.changed_at) > $2::timestamptz - interval '7 days') AS week
    FROM deliveries AS o
    WHERE o.customer_id = d.customer_id AND o.campaign_id <> d.campaign_id AND (o.sent_at IS NOT NULL OR o.state = 'claimed')
) AS sent ON true
WHERE d.delivery_id = ANY($1::bigint[])
ORDER BY d.delivery_id

-- name: put_back
-- Claimed rows that will not be sent now: left out for good, expired, or planned for later.
UPDATE deliveries AS d
SET state = given.state, reason = given.reason, not_before = coalesce(given.not_before, d.not_before),
    attempt_id = NULL, leased_until = NULL, changed_at = $6
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[]) AS given (delivery_id, state, reason, not_before)
WHERE d.delivery_id = given.delivery_id AND d.attempt_id = $5 AND d.state = 'claimed'

-- name: mark_sending
-- The fence before the call: only what is still claimed by this attempt, within its lease, may be sent.
UPDATE deliveries
SET state = 'sending', sent_at = $3, attempts = attempts + 1, leased_until = $4, changed_at = $3
WHERE delivery_id = ANY($1::bigint[]) AND attempt_id = $2 AND state = 'claimed' AND leased_until > $3
RETURNING delivery_id

-- name: record_outcomes
-- The fence after the call: an answer counts only for its own attempt. It may still mend what recovery called unknown.
-- What surely was not accepted no longer counts as a send. A campaign that was cancelled, or has
-- ended, plans nothing anew.
UPDATE deliveries AS d
SET state = CASE WHEN given.state = 'planned' AND $9::text NOT IN ('sending', 'paused') THEN 'cancelled' ELSE given.state END,
    error_code = given.error_code,
    message_name = given.message_name,
    not_before = coalesce(given.not_before, d.not_before),
    sent_at = CASE WHEN given.maybe_sent THEN d.sent_at END,
    attempt_id = CASE WHEN given.state = 'planned' THEN NULL ELSE d.attempt_id END,
    leased_until = NULL,
    changed_at = $8
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[])
    AS given (delivery_id, state, error_code, message_name, not_before, maybe_sent)
WHERE d.delivery_id = given.delivery_id AND d.attempt_id = $7 AND d.state IN ('sending', 'unknown')
RETURNING d.delivery_id

-- name: recover_claimed
-- Their worker vanished before the sending mark: surely not sent.
UPDATE deliveries
SET state = 'planned', attempt_id = NULL, leased_until = NULL, changed_at = $1
WHERE state = 'claimed' AND leased_until < $1

-- name: recover_sending
-- Their worker vanished after the sending mark: nobody knows. Policy once keeps that as the outcome (and the attempt's
-- id, so that a late answer can still mend it); surely plans another try, the same tag replacing the first.
UPDATE deliveries AS d
SET state = CASE WHEN c.policy = 'surely' AND c.state <> 'cancelled' AND d.attempts < $2 AND d.expires_at > $3::timestamptz
        THEN 'planned' ELSE 'unknown' END,
    not_before = CASE WHEN c.policy = 'surely' THEN $3::timestamptz ELSE d.not_before END,
    attempt_id = CASE WHEN c.policy = 'surely' THEN NULL ELSE d.attempt_id END,
    error_code = 'worker_lost',
    leased_until = NULL,
    changed_at = $1
FROM campaigns AS c
WHERE c.campaign_id = d.campaign_id AND d.state = 'sending' AND d.leased_until < $1
RETURNING d.campaign_id

-- name: expire
UPDATE deliveries
SET state = 'expired', reason = 'expiry', changed_at = $2
WHERE campaign_id = $1 AND state = 'planned' AND expires_at <= $2

-- name: cancel_rest
-- Everything that was not marked as sending; what is on its way keeps its outcome.
UPDATE deliveries
SET state = 'cancelled', attempt_id = NULL, leased_until = NULL, changed_at = $2
WHERE campaign_id = $1 AND state IN ('planned', 'claimed')

-- name: has_work_left
SELECT
    EXISTS (SELECT FROM deliveries WHERE campaign_id = $1 AND state = 'planned')
    OR EXISTS (SELECT FROM deliveries WHERE campaign_id = $1 AND state IN ('claimed', 'sending'))

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
    d.device_id, d.address, d.address_kind, d.permission,
    coalesce(c.traits ->> 'language', c.traits ->> 'locale', d.locale) AS language,
    coalesce(c.traits ->> 'family_name', c.traits ->> 'last_name', c.traits ->> 'lastName') AS family_name,
    coalesce(c.traits ->> 'given_name', c.traits ->> 'first_name', c.traits ->> 'firstName') AS given_name
FROM customers AS c
LEFT JOIN devices AS d ON d.customer_id = c.customer_id AND d.state = 'live'
WHERE c.customer_id = $1 AND c.merged_into IS NULL
ORDER BY d.device_id

-- name: read_names
SELECT
    c.customer_id,
    coalesce(c.traits ->> 'language', c.traits ->> 'locale') AS language,
    coalesce(c.traits ->> 'family_name', c.traits ->> 'last_name', c.traits ->> 'lastName') AS family_name,
    coalesce(c.traits ->> 'given_name', c.traits ->> 'first_name', c.traits ->> 'firstName') AS given_name
FROM customers AS c
WHERE c.customer_id = ANY($1::bigint[])
ORDER BY c.customer_id
