-- name: insert_coupon
INSERT INTO coupons (
    coupon_id, title, description, audience, valid_from, valid_until, valid_days, stores, uses_per_person,
    created_at, created_by, changed_at, changed_by
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10, $11)

-- name: update_coupon
UPDATE coupons SET
    title = $2, description = $3, audience = $4, valid_from = $5, valid_until = $6, valid_days = $7, stores = $8,
    uses_per_person = $9, changed_at = $10, changed_by = $11
WHERE coupon_id = $1

-- name: set_archived
UPDATE coupons SET archived_at = $2, changed_at = $3, changed_by = $4 WHERE coupon_id = $1

-- name: lock_coupon
-- Held until the transaction ends, so that nobody archives or changes it meanwhile.
SELECT * FROM coupons WHERE coupon_id = $1 FOR UPDATE

-- name: get_coupon
SELECT * FROM coupons WHERE coupon_id = $1

-- name: list_book
-- Those that end last first, those without an end before them; archived ones last.
SELECT * FROM coupons WHERE $1::boolean OR archived_at IS NULL
ORDER BY archived_at IS NOT NULL, valid_until DESC NULLS FIRST, created_at DESC, coupon_id

-- name: list_ids
-- For a message that names those like the one asked for.
SELECT coupon_id FROM coupons ORDER BY coupon_id

-- name: list_rules
-- What the ledger asks of every coupon.
SELECT coupon_id, audience, valid_from, valid_until, stores, uses_per_person FROM coupons ORDER BY coupon_id

-- name: unknown_stores
-- Of some store numbers, those that are not defined; none where the shop defined no stores at all.
SELECT given.store_id FROM unnest($1::text[]) AS given (store_id)
WHERE EXISTS (SELECT FROM stores) AND NOT EXISTS (SELECT FROM stores AS s WHERE s.store_id = given.store_id)
ORDER BY given.store_id

-- name: survivors_of_users
-- Who is known by these member numbers today.
SELECT i.value, coalesce(c.merged_into, c.customer_id) AS customer_id
FROM identities AS i
JOIN customers AS c USING (customer_id)
WHERE i.kind = 'user' AND i.value = ANY ($1::text[]) AND c.erased_at IS NULL

-- name: insert_issue
INSERT INTO coupon_issues (coupon_id, target, valid_until, people, unknown, requested_at, requested_by, finished_at)
VALUES ($1, $2, $3, $4::integer, $5, $6::timestamptz, $7, CASE WHEN $4::integer = 0 THEN $6::timestamptz END)
RETURNING issue_id

-- name: next_issue
-- The oldest issue that is not through, for one worker at a time.
SELECT issue_id, coupon_id, valid_until, requested_at FROM coupon_issues
WHERE finished_at IS NULL AND ($1::bigint IS NULL OR issue_id = $1)
ORDER BY issue_id LIMIT 1
FOR UPDATE SKIP LOCKED

-- name: take_people
-- Takes some of those who wait, under the numbers they have today, with an id by which an event of ours finds each. Who was
-- erased meanwhile is taken and not told.
WITH taken AS (
    DELETE FROM coupon_issue_people AS p
    USING (SELECT customer_id FROM coupon_issue_people WHERE issue_id = $1 ORDER BY customer_id LIMIT $2) AS picked
    WHERE p.issue_id = $1 AND p.customer_id = picked.customer_id
    RETURNING p.customer_id
)
SELECT DISTINCT
    s.customer_id,
    s.user_id,
    (SELECT i.value FROM identities AS i
     WHERE i.kind = 'anonymous' AND i.customer_id = s.customer_id
     ORDER BY i.linked_at, i.value LIMIT 1) AS anonymous_id
FROM taken AS t
JOIN customers AS c ON c.customer_id = t.customer_id
JOIN customers AS s ON s.customer_id = coalesce(c.merged_into, c.customer_id)
WHERE s.erased_at IS NULL

-- name: count_issued
-- What a step did; finished once nobody waits.
UPDATE coupon_issues AS i SET
    issued = i.issued + $2,
    finished_at = CASE WHEN NOT EXISTS (SELECT FROM coupon_issue_people AS p WHERE p.issue_id = i.issue_id) THEN $3::timestamptz END
WHERE i.issue_id = $1

-- name: list_issues
SELECT * FROM coupon_issues WHERE coupon_id = $1 ORDER BY issue_id DESC LIMIT $2

-- name: get_issue
SELECT * FROM coupon_issues WHERE issue_id = $1

-- name: start_expiry
-- The first worker that ever looks says from which day on ends are announced.
INSERT INTO coupon_expiry (first_day, done_day) VALUES ($1, $1::date - 1) ON CONFLICT DO NOTHING

-- name: read_expiry
SELECT first_day, done_day FROM coupon_expiry

-- name: lock_expiry
-- One worker at a time writes expiries down; the others come back later.
SELECT first_day, done_day FROM coupon_expiry FOR UPDATE SKIP LOCKED

-- name: expiry_done
UPDATE coupon_expiry SET done_day = greatest(done_day, $1::date)

-- name: ids_of
-- An id by which an event of ours finds each of some people; those erased are absent.
SELECT
    c.customer_id,
    c.user_id,
    (SELECT i.value FROM identities AS i
     WHERE i.kind = 'anonymous' AND i.customer_id = c.customer_id
     ORDER BY i.linked_at, i.value LIMIT 1) AS anonymous_id
FROM customers AS c
WHERE c.customer_id = ANY ($1::bigint[]) AND c.erased_at IS NULL
