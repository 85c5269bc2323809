-- name: find_identities
-- Ids of a batch that are known. A user id and an anonymous id may be spelled alike; they are two.
SELECT i.kind, i.value, i.customer_id, i.proven, i.linked_at
FROM identities AS i
WHERE (i.kind = 'user' AND i.value = ANY ($1::text[])) OR (i.kind = 'anonymous' AND i.value = ANY ($2::text[]))

-- name: find_people
SELECT customer_id, user_id, born_source_id, born_anonymous_id, known_to_shop
FROM customers
WHERE customer_id = ANY ($1::bigint[])

-- name: put_identities
INSERT INTO identities (kind, value, customer_id, proven, linked_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[], $5::timestamptz[])
ON CONFLICT (kind, value) DO UPDATE SET customer_id = excluded.customer_id, proven = excluded.proven

-- name: move_identities
-- Ids that a merged customer brings along: anonymous ones are proven only where the shop vouched for the merge.
UPDATE identities AS i
SET customer_id = given.survivor, proven = i.proven AND (i.kind = 'user' OR given.vouched)
FROM unnest($1::bigint[], $2::bigint[], $3::boolean[]) AS given (gone, survivor, vouched)
WHERE i.customer_id = given.gone
