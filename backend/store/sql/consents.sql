-- name: put_consents
-- The later word stands; of two of the same moment the one that came later.
INSERT INTO consents (customer_id, purpose, channel, granted, source_id, changed_at)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::int[], $6::timestamptz[])
ON CONFLICT (customer_id, purpose, channel) DO UPDATE SET
    granted = excluded.granted, source_id = excluded.source_id, changed_at = excluded.changed_at
WHERE excluded.changed_at >= consents.changed_at

-- name: inherit_consents
-- A merged customer's words count for the survivor, unless he has spoken later. A word may come from several who were
-- merged at once: the latest of them.
INSERT INTO consents (customer_id, purpose, channel, granted, source_id, changed_at)
SELECT DISTINCT ON (given.survivor, c.purpose, c.channel)
    given.survivor, c.purpose, c.channel, c.granted, c.source_id, c.changed_at
FROM unnest($1::bigint[], $2::bigint[]) AS given (gone, survivor)
JOIN consents AS c ON c.customer_id = given.gone
ORDER BY given.survivor, c.purpose, c.channel, c.changed_at DESC
ON CONFLICT (customer_id, purpose, channel) DO UPDATE SET
    granted = excluded.granted, source_id = excluded.source_id, changed_at = excluded.changed_at
WHERE excluded.changed_at > consents.changed_at

-- name: drop_consents
DELETE FROM consents WHERE customer_id = ANY ($1::bigint[])
