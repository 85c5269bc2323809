-- name: list_lists
-- By name, archived ones last and only on request ($1). People count once, whatever numbers they were put on it by.
SELECT
    l.list_id, l.name, l.exclusion, l.origin, l.known_since, l.created_at, l.created_by, l.changed_at, l.archived_at,
    (
        SELECT count(DISTINCT coalesce(c.merged_into, c.customer_id))
        FROM static_list_members AS m JOIN customers AS c USING (customer_id)
        WHERE m.list_id = l.list_id
    ) AS size
FROM static_lists AS l
WHERE ($1::boolean OR l.archived_at IS NULL) AND ($2::int IS NULL OR l.list_id = $2)
ORDER BY l.archived_at IS NOT NULL, l.name;

-- name: find_list
-- By its name, which is unique among archived ones too.
SELECT list_id FROM static_lists WHERE name = $1;

-- name: lock_list
-- Two people who change the same list do so one after the other.
SELECT list_id, name, exclusion, archived_at FROM static_lists WHERE list_id = $1 FOR UPDATE;

-- name: insert_list
INSERT INTO static_lists (name, exclusion, origin, created_at, created_by, changed_at, known_since)
VALUES ($1, $2, $3, $4, $5, $4, $6)
RETURNING list_id;

-- name: set_list
UPDATE static_lists SET name = $2, exclusion = $3, changed_at = $4 WHERE list_id = $1;

-- name: set_archived
UPDATE static_lists SET archived_at = $2, changed_at = $3, revision = revision + 1 WHERE list_id = $1;

-- name: note_change
-- Who is on it has changed: whatever was worked out by it is out of date.
UPDATE static_lists SET changed_at = $2, revision = revision + 1 WHERE list_id = $1;

-- name: survivors_of_ids
-- Who is known by these member numbers today.
SELECT i.value, coalesce(c.merged_into, c.customer_id) AS customer_id
FROM identities AS i
JOIN customers AS c USING (customer_id)
WHERE i.kind = 'user' AND i.value = ANY ($1::text[]) AND c.erased_at IS NULL;

-- name: add_members
-- Those who are not on it yet under any of their numbers; gives how many. Erased ones are passed over.
WITH added AS (
    INSERT INTO static_list_members (list_id, customer_id)
    SELECT $1, c.customer_id
    FROM unnest($2::bigint[]) AS given (customer_id)
    JOIN customers AS c USING (customer_id)
    WHERE c.erased_at IS NULL AND NOT EXISTS (
        SELECT FROM customers AS k JOIN static_list_members AS m ON m.customer_id = k.customer_id AND m.list_id = $1
        WHERE k.merged_into = c.customer_id
    )
    ON CONFLICT DO NOTHING
    RETURNING customer_id
)
SELECT count(*) FROM added;

-- name: remove_members
-- Under all of their numbers; gives how many people.
WITH removed AS (
    DELETE FROM static_list_members AS m
    USING customers AS c
    WHERE m.list_id = $1 AND c.customer_id = m.customer_id
      AND coalesce(c.merged_into, c.customer_id) = ANY ($2::bigint[])
    RETURNING coalesce(c.merged_into, c.customer_id) AS person
)
SELECT count(DISTINCT person) FROM removed;

-- name: list_members
-- By number, those after $2; each person once.
SELECT DISTINCT p.customer_id, p.user_id
FROM static_list_members AS m
JOIN customers AS c USING (customer_id)
JOIN customers AS p ON p.customer_id = coalesce(c.merged_into, c.customer_id)
WHERE m.list_id = $1 AND p.customer_id > $2 AND p.erased_at IS NULL
ORDER BY p.customer_id
LIMIT $3;

-- name: list_rules
-- Rules of live segments, in force and drafts: one of them may ask for a list.
SELECT s.segment_id, s.name, v.rule
FROM segments AS s JOIN segment_versions AS v USING (segment_id, version)
WHERE s.archived_at IS NULL
UNION ALL
SELECT s.segment_id, s.name, d.rule
FROM segments AS s JOIN segment_drafts AS d USING (segment_id)
WHERE s.archived_at IS NULL;

-- name: list_waiting_campaigns
-- All that are to be sent, which go by every exclusion list.
SELECT campaign_id, name FROM campaigns WHERE state IN ('scheduled', 'sending', 'paused') ORDER BY campaign_id;
