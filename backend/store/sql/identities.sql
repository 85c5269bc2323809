-- name: find_users
SELECT value, customer_id FROM identities WHERE kind = 'user' AND value = ANY ($1::text[])

-- name: find_anonymous
-- A user id and an anonymous id may be spelled alike; they are two.
SELECT value, customer_id, node_id, linked_at, claim_user, claim_at, claim_vouched, claim_verified, proven_for
FROM identities
WHERE kind = 'anonymous' AND value = ANY ($1::text[])

-- name: find_people
-- Who stands behind each number today. merged_into always names the last survivor.
SELECT
    given.customer_id AS number, p.customer_id, p.user_id, p.born_source_id, p.born_anonymous_id, p.known_to_shop
FROM customers AS given
JOIN customers AS p ON p.customer_id = coalesce(given.merged_into, given.customer_id)
WHERE given.customer_id = ANY ($1::bigint[])

-- name: put_users
INSERT INTO identities (kind, value, customer_id, proven, linked_at)
SELECT 'user', value, customer_id, true, linked_at
FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS given (value, customer_id, linked_at)
ON CONFLICT (kind, value) DO UPDATE SET customer_id = excluded.customer_id

-- name: put_anonymous
INSERT INTO identities (
    kind, value, customer_id, node_id, proven, linked_at, claim_user, claim_at, claim_vouched, claim_verified, proven_for
)
SELECT 'anonymous', value, customer_id, node_id, proven, linked_at, claim_user, claim_at, claim_vouched, claim_verified, proven_for
FROM json_to_recordset($1::json) AS given (
    value text, customer_id bigint, node_id bigint, proven boolean, linked_at timestamptz, claim_user text,
    claim_at timestamptz, claim_vouched boolean, claim_verified boolean, proven_for bigint[]
)
ON CONFLICT (kind, value) DO UPDATE SET
    customer_id = excluded.customer_id,
    node_id = excluded.node_id,
    proven = excluded.proven,
    claim_user = excluded.claim_user,
    claim_at = excluded.claim_at,
    claim_vouched = excluded.claim_vouched,
    claim_verified = excluded.claim_verified,
    proven_for = excluded.proven_for

-- name: move_identities
-- Ids that a merged customer brings along.
UPDATE identities AS i
SET customer_id = given.survivor
FROM unnest($1::bigint[], $2::bigint[]) AS given (gone, survivor)
WHERE i.customer_id = given.gone
