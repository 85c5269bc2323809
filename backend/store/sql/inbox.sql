-- name: find_reader
-- Whose inbox it is, found through the map of identities, with everyone who was merged into the person.
WITH RECURSIVE reader AS (
    SELECT coalesce(c.merged_into, c.customer_id) AS customer_id
    FROM identities AS i
    JOIN customers AS c USING (customer_id)
    WHERE i.kind = 'user' AND i.value = $1
), mine AS (
    SELECT customer_id FROM reader
    UNION
    SELECT c.customer_id FROM customers AS c JOIN mine AS m ON c.merged_into = m.customer_id
)
SELECT
    c.customer_id,
    ARRAY(SELECT customer_id FROM mine) AS mine,
    coalesce(c.traits ->> 'language', c.traits ->> 'locale', d.locale) AS language,
    coalesce(c.traits ->> 'family_name', c.traits ->> 'last_name', c.traits ->> 'lastName') AS family_name,
    coalesce((SELECT s.value #>> '{}' FROM shop_settings AS s WHERE s.key = 'currency'), 'JPY') AS currency,
    coalesce(c.traits ->> 'given_name', c.traits ->> 'first_name', c.traits ->> 'firstName') AS given_name
FROM reader
JOIN customers AS c USING (customer_id)
LEFT JOIN LATERAL (
    SELECT locale FROM devices WHERE customer_id = c.customer_id ORDER BY last_seen DESC LIMIT 1
) AS d ON true

-- name: list_messages
-- What the person ($1, with those merged into it) was meant to get from $3 to $2, newest first, before the cursor if there is one. Shown is what
-- was handed to the push service, and what was left out for one of the reasons of $4: cap and exclusion are none of them.
SELECT DISTINCT ON (p.planned_at, p.campaign_id, p.occurrence, p.step)
    p.campaign_id, p.occurrence, p.step, p.planned_at, p.variant, p.merge_fields, v.definition, r.read_at
FROM inbox_messages AS p
JOIN campaign_versions AS v ON v.campaign_id = p.campaign_id AND v.version = p.version
LEFT JOIN inbox_reads AS r
    ON r.customer_id = ANY ($1::bigint[]) AND r.campaign_id = p.campaign_id AND r.occurrence = p.occurrence AND r.step = p.step
WHERE p.customer_id = ANY ($1::bigint[]) AND p.planned_at <= $2 AND p.planned_at > $3
  AND (p.handed OR p.kept_from = ANY ($4::text[]))
  AND (
    $5::timestamptz IS NULL
    OR (p.planned_at, p.campaign_id, p.occurrence, p.step) < ($5::timestamptz, $6::int, $7::bigint, $8::smallint)
  )
ORDER BY p.planned_at DESC, p.campaign_id DESC, p.occurrence DESC, p.step DESC, r.read_at
LIMIT $9

-- name: count_unread
SELECT count(DISTINCT (p.campaign_id, p.occurrence, p.step))
FROM inbox_messages AS p
WHERE p.customer_id = ANY ($1::bigint[]) AND p.planned_at <= $2 AND p.planned_at > $3
  AND (p.handed OR p.kept_from = ANY ($4::text[]))
  AND NOT EXISTS (
    SELECT FROM inbox_reads AS r
    WHERE r.customer_id = ANY ($1::bigint[]) AND r.campaign_id = p.campaign_id AND r.occurrence = p.occurrence AND r.step = p.step
  )

-- name: mark_read
-- Only messages that are the person's own; read once, the first time counts. Without keys: everything that is shown.
INSERT INTO inbox_reads (customer_id, campaign_id, occurrence, step, read_at)
SELECT DISTINCT $5::bigint, p.campaign_id, p.occurrence, p.step, $2::timestamptz
FROM inbox_messages AS p
WHERE p.customer_id = ANY ($1::bigint[]) AND p.planned_at <= $2 AND p.planned_at > $3
  AND (p.handed OR p.kept_from = ANY ($4::text[]))
  AND (
    $6::int[] IS NULL
    OR (p.campaign_id, p.occurrence, p.step) IN (SELECT * FROM unnest($6::int[], $7::bigint[], $8::smallint[]))
  )
ON CONFLICT DO NOTHING
