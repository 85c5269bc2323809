-- name: read_entering
-- What the gates need of people who enter one by one ($1), with the arm that the campaign ($6) gave them before.
SELECT
    c.customer_id,
    c.merged_into IS NOT NULL OR c.erased_at IS NOT NULL AS gone,
    coalesce(consent.granted, $4::boolean) AS consented,
    EXISTS (
        SELECT FROM static_lists AS l
        JOIN static_list_members AS m USING (list_id)
        WHERE l.exclusion AND l.archived_at IS NULL AND m.customer_id = ANY (ARRAY(
            SELECT c.customer_id UNION ALL SELECT k.customer_id FROM customers AS k WHERE k.merged_into = c.customer_id
        ))
    ) AS excluded,
    device.device_id IS NOT NULL AS address_live,
    coalesce(c.traits ->> 'language', c.traits ->> 'locale', device.locale) AS language,
    coalesce(c.traits ->> 'family_name', c.traits ->> 'last_name', c.traits ->> 'lastName') AS family_name,
    coalesce(c.traits ->> 'given_name', c.traits ->> 'first_name', c.traits ->> 'firstName') AS given_name,
    sent.day AS sent_day,
    sent.week AS sent_week,
    coalesce(device.time_zone, c.traits ->> 'timezone', c.traits ->> 'time_zone') AS zone,
    (SELECT p.arm FROM campaign_people AS p WHERE p.customer_id = c.customer_id AND p.campaign_id = $6 AND p.arm IS NOT NULL LIMIT 1) AS arm
FROM unnest($1::bigint[]) AS w (customer_id)
JOIN customers AS c USING (customer_id)
LEFT JOIN consents AS consent
    ON consent.customer_id = w.customer_id AND consent.purpose = $3::text AND consent.channel = 'push'
LEFT JOIN LATERAL (
    SELECT d.device_id, d.time_zone, d.locale
    FROM devices AS d
    WHERE d.customer_id = w.customer_id AND d.state = 'live' AND d.permission <> 'denied'
    ORDER BY d.last_seen DESC, d.device_id DESC
    LIMIT 1
) AS device ON true
CROSS JOIN LATERAL (
    SELECT
        count(DISTINCT (o.campaign_id, o.occurrence, o.step)) FILTER (WHERE o.sent_at > $2::timestamptz - interval '24 hours') AS day,
        count(DISTINCT (o.campaign_id, o.occurrence, o.step)) AS week
    FROM deliveries AS o
    WHERE o.customer_id = w.customer_id AND o.sent_at > $2::timestamptz - interval '7 days' AND o.priority >= $5::smallint
) AS sent

-- name: add_entries
-- One row an entry; one that is there already stays as it was decided.
INSERT INTO campaign_people (
    customer_id, occurrence, arm, variant, left_out, state, planned_at, not_before, expires_at, merge_fields,
    campaign_id, step, version, changed_at
)
SELECT
    e.customer_id, e.occurrence, e.arm, e.variant, e.left_out, e.state, e.planned_at, e.planned_at, e.expires_at, e.merge_fields,
    $10, $11, $12, $13
FROM unnest(
    $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[], $9::jsonb[]
) AS e (customer_id, occurrence, arm, variant, left_out, state, planned_at, expires_at, merge_fields)
ON CONFLICT DO NOTHING
RETURNING customer_id, occurrence

-- name: read_entries
SELECT p.customer_id, p.occurrence, p.arm, p.variant, p.left_out, p.not_before
FROM unnest($1::bigint[], $2::bigint[]) AS e (customer_id, occurrence)
JOIN campaign_people AS p USING (customer_id, occurrence)
WHERE p.campaign_id = $3 AND p.step = $4
