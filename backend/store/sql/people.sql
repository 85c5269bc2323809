-- name: names_of
-- What lists show of people they know by number. Who asked to be erased is shown no more, though a frame made before may still hold him.
SELECT customer_id, user_id, display_name, email
FROM customers
WHERE customer_id = ANY ($1::bigint[]) AND erased_at IS NULL;

-- name: search_customers
-- By the beginning of member number, name or mail address: three index scans, so that a short list comes from millions.
-- $1 is a LIKE pattern in lower case; the name is compared without blanks ($2).
SELECT customer_id, user_id, display_name, email
FROM customers
WHERE merged_into IS NULL
  AND erased_at IS NULL
  AND customer_id IN (
    (SELECT customer_id FROM customers WHERE lower(left(user_id, 200)) LIKE $1 LIMIT $3)
    UNION
    (SELECT customer_id FROM customers WHERE lower(replace(display_name, ' ', '')) LIKE $2 LIMIT $3)
    UNION
    (SELECT customer_id FROM customers WHERE lower(email) LIKE $1 LIMIT $3)
  )
ORDER BY customer_id
LIMIT $3;

-- name: find_by_user_id
-- Through the map of identities, so that the number of a merged account leads to the survivor.
SELECT customer_id FROM identities JOIN customers USING (customer_id) WHERE kind = 'user' AND value = $1 AND erased_at IS NULL;

-- name: find_by_anonymous_id
SELECT customer_id FROM identities JOIN customers USING (customer_id) WHERE kind = 'anonymous' AND value = $1 AND erased_at IS NULL;

-- name: get_customer
SELECT customer_id, user_id, display_name, email, created_at, known_to_shop, merged_into, traits, traits_at, test_account
FROM customers
WHERE customer_id = $1 AND erased_at IS NULL;

-- name: list_absorbed
-- Everyone who was merged into this person, over any number of steps: their history is the person's.
WITH RECURSIVE absorbed AS (
    SELECT customer_id FROM customers WHERE merged_into = $1
    UNION
    SELECT c.customer_id FROM customers AS c JOIN absorbed AS a ON c.merged_into = a.customer_id
)
SELECT customer_id FROM absorbed;

-- name: list_identities
SELECT kind, value, proven, linked_at
FROM identities
WHERE customer_id = ANY ($1::bigint[])
ORDER BY kind DESC, linked_at;

-- name: list_devices
-- Live ones first. The address itself is not shown: whoever holds it can send to it.
SELECT device_id, address_kind, platform, app_version, locale, time_zone, permission, state, first_seen, last_seen,
       retired_at, retired_reason
FROM devices
WHERE customer_id = ANY ($1::bigint[])
ORDER BY state <> 'live', last_seen DESC;

-- name: list_consents
SELECT c.purpose, c.channel, c.granted, c.changed_at, s.name AS source, c.origin, c.verified
FROM consents AS c
JOIN sources AS s USING (source_id)
WHERE c.customer_id = ANY ($1::bigint[])
ORDER BY c.purpose, c.channel, c.changed_at DESC;

-- name: list_consent_words
-- Every word, the latest first: of the person and of everyone merged into him.
SELECT w.purpose, w.channel, w.granted, w.said_at, s.name AS source, w.origin, w.seq, w.verified
FROM consent_words AS w
JOIN sources AS s USING (source_id)
WHERE w.customer_id = ANY ($1::bigint[]) AND (w.said_at, w.seq) < ($2, $3)
ORDER BY w.said_at DESC, w.seq DESC
LIMIT $4;

-- name: list_coupon_events
-- Coupon facts of one person from the log, oldest first. The timeline's key bounds the scan to the person's events.
SELECT
    e.payload -> 'properties' ->> 'coupon_id' AS coupon_id,
    e.event,
    e.occurred_at,
    e.payload -> 'properties' ->> 'store_id' AS store_id,
    e.payload -> 'properties' ->> 'valid_until' AS valid_until
FROM customer_timeline AS t
JOIN event_log AS e ON e.seq = t.seq AND e.received_day = t.received_day
WHERE t.customer_id = ANY ($1::bigint[])
  AND e.event IN ('Coupon Issued', 'Coupon Viewed', 'Coupon Presented', 'Coupon Redeemed', 'Coupon Expired')
  AND e.payload -> 'properties' ->> 'coupon_id' IS NOT NULL
ORDER BY t.occurred_at, t.seq;

-- name: list_coupons
SELECT coupon_id, title, valid_from, valid_until, audience, stores, uses_per_person FROM coupons WHERE coupon_id = ANY ($1::text[]);

-- name: list_events_before
-- One page of the timeline, newest first. received_day leads to the one partition of the log, seq to the row;
-- the page is cut from the timeline's key before the log is touched. A day that left the log gives no type.
SELECT t.occurred_at, t.seq, e.type, e.event, e.trusted, e.payload, s.name AS source
FROM (
    SELECT occurred_at, seq, received_day
    FROM customer_timeline
    WHERE customer_id = ANY ($1::bigint[]) AND (occurred_at, seq) < ($2, $3)
    ORDER BY occurred_at DESC, seq DESC
    LIMIT $4
) AS t
LEFT JOIN event_log AS e ON e.seq = t.seq AND e.received_day = t.received_day
LEFT JOIN sources AS s ON s.source_id = e.source_id
ORDER BY t.occurred_at DESC, t.seq DESC;

-- name: list_deliveries_before
-- One page of the messages to a person, newest first, by the moment of their last change: devices, and what has no device yet or
-- never will. The latter have numbers beyond those of devices, each its own: a person is in a campaign that repeats, and in a
-- journey, several times. Who is planned and cannot be sent anything yet is told what he waits for.
SELECT d.changed_at, d.delivery_id, d.campaign_id, c.name AS campaign, c.kind, d.step, d.reason, d.error_code,
    CASE
        WHEN d.state <> 'planned' THEN d.state
        WHEN c.state = 'paused' THEN 'paused'
        WHEN d.rest AND t.decided_at IS NULL THEN 'awaiting_winner'
        ELSE d.state
    END AS state
FROM (
    SELECT changed_at, delivery_id, campaign_id, step, state, reason, error_code, false AS rest
    FROM deliveries
    WHERE customer_id = ANY ($1::bigint[])
    UNION ALL
    SELECT
        changed_at,
        (1::bigint << 62) + (hashtextextended(concat_ws(':', campaign_id, occurrence, step), 0) & ((1::bigint << 61) - 1)),
        campaign_id,
        step,
        coalesce(state, 'left_out'),
        coalesce(reason, left_out),
        NULL,
        rest
    FROM campaign_people
    WHERE customer_id = ANY ($1::bigint[]) AND arm IS DISTINCT FROM 'control' AND state IS DISTINCT FROM 'handed'
) AS d
JOIN campaigns AS c USING (campaign_id)
LEFT JOIN campaign_tests AS t USING (campaign_id)
WHERE (d.changed_at, d.delivery_id) < ($2, $3)
ORDER BY d.changed_at DESC, d.delivery_id DESC
LIMIT $4;

-- name: campaign_names
SELECT campaign_id, name FROM campaigns WHERE campaign_id = ANY ($1::int[]);

-- name: source_names
SELECT source_id, name FROM sources;
