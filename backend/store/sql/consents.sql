-- name: put_words
-- The history: every word, under the number that it was said with. seq is the event's, so that it is kept once.
INSERT INTO consent_words (customer_id, purpose, channel, granted, source_id, origin, said_at, seq, verified)
SELECT *
FROM unnest(
    $1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::int[], $6::text[], $7::timestamptz[], $8::bigint[],
    $9::boolean[])
ON CONFLICT DO NOTHING

-- name: forget_consents
-- Nothing but what the words of the person himself say may stand: an id that went elsewhere took its words along.
DELETE FROM consents WHERE customer_id = ANY ($1::bigint[])

-- name: settle_consents
-- The later word stands, by when it was said; of two of the same moment the one that came later.
INSERT INTO consents (customer_id, purpose, channel, granted, source_id, origin, changed_at, verified)
SELECT DISTINCT ON (coalesce(c.merged_into, c.customer_id), w.purpose, w.channel)
    coalesce(c.merged_into, c.customer_id), w.purpose, w.channel, w.granted, w.source_id, w.origin, w.said_at,
    w.verified
FROM customers AS c
JOIN consent_words AS w ON w.customer_id = c.customer_id
WHERE c.customer_id = ANY ($1::bigint[]) OR c.merged_into = ANY ($1::bigint[])
ORDER BY coalesce(c.merged_into, c.customer_id), w.purpose, w.channel, w.said_at DESC, w.seq DESC
