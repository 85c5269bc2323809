-- name: lock_writer
-- The one who keeps memberships; no row while another is at it.
SELECT everyone, as_of, seq FROM membership_writer FOR UPDATE SKIP LOCKED;

-- name: read_writer
SELECT everyone, as_of, seq FROM membership_writer;

-- name: look_at_everyone
UPDATE membership_writer SET everyone = everyone + 1;

-- name: set_as_of
UPDATE membership_writer SET as_of = $1, seq = $2;

-- name: read_queue
-- With the version of each row: whoever is touched again meanwhile has another one and stays in the queue.
SELECT customer_id, xmin::text::bigint AS version FROM membership_queue ORDER BY customer_id LIMIT $1;

-- name: clear_queue
-- Never waits: a row that the refresh holds is being queued again anyway.
WITH free AS (
    SELECT q.customer_id
    FROM unnest($1::bigint[], $2::bigint[]) AS done (customer_id, version)
    JOIN membership_queue AS q ON q.customer_id = done.customer_id AND q.xmin::text::bigint = done.version
    FOR UPDATE OF q SKIP LOCKED
)
DELETE FROM membership_queue AS q USING free WHERE q.customer_id = free.customer_id;

-- name: empty_queue
-- Everybody is looked at on a frame that is read after this.
WITH free AS (SELECT customer_id FROM membership_queue FOR UPDATE SKIP LOCKED)
DELETE FROM membership_queue AS q USING free WHERE q.customer_id = free.customer_id;

-- name: list_rules
-- Live segments in their present version; archived ones because others may still ask for them.
SELECT s.segment_id, s.version, s.archived_at IS NULL AS live, v.rule
FROM segments AS s
JOIN segment_versions AS v USING (segment_id, version)
ORDER BY s.segment_id;

-- name: rules_mark
-- Another text as soon as a segment is new, archived, taken back or in another version.
SELECT coalesce(md5(string_agg(segment_id || ' ' || version || ' ' || (archived_at IS NULL), ',' ORDER BY segment_id)), '')
FROM segments;

-- name: mark_unknown
-- They were not looked at with the others: everybody is, once they can be asked again.
UPDATE segment_states SET basis = '' WHERE segment_id = ANY ($1::int[]);

-- name: list_states
SELECT segment_id, version, basis, moment, everyone, size, reachable FROM segment_states;

-- name: read_blocks
-- The rows of some segments in some blocks; all blocks when $2 is null.
SELECT segment_id, block, bits FROM segment_members
WHERE segment_id = ANY ($1::int[]) AND ($2::int[] IS NULL OR block = ANY ($2::int[]));

-- name: put_blocks
INSERT INTO segment_members (segment_id, block, bits)
SELECT segment_id, block, bits FROM unnest($1::int[], $2::int[], $3::bytea[]) AS given (segment_id, block, bits)
ON CONFLICT (segment_id, block) DO UPDATE SET bits = excluded.bits;

-- name: drop_blocks
DELETE FROM segment_members AS m
USING unnest($1::int[], $2::int[]) AS given (segment_id, block)
WHERE m.segment_id = given.segment_id AND m.block = given.block;

-- name: put_state
INSERT INTO segment_states (segment_id, version, basis, moment, everyone, size, reachable, since, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
ON CONFLICT (segment_id) DO UPDATE SET
    version = excluded.version, basis = excluded.basis, moment = excluded.moment, everyone = excluded.everyone,
    size = excluded.size, reachable = excluded.reachable, changed_at = excluded.changed_at;

-- name: put_day
-- The day's last sizes; entries and departures add up over the day.
INSERT INTO segment_days (segment_id, business_day, size, reachable, entered, departed)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (segment_id, business_day) DO UPDATE SET
    size = excluded.size, reachable = excluded.reachable,
    entered = segment_days.entered + excluded.entered, departed = segment_days.departed + excluded.departed;

-- name: list_gone
-- Of these customers those who were merged or erased: they are in no segment any more.
SELECT customer_id, merged_into, erased_at IS NOT NULL AS erased FROM customers
WHERE customer_id = ANY ($1::bigint[]) AND (merged_into IS NOT NULL OR erased_at IS NOT NULL);

-- name: list_revisions
-- How often each static list has changed.
SELECT list_id, revision FROM static_lists;

-- name: read_state
-- A segment's state and up to when it is true. current: by its present version.
SELECT
    s.segment_id, s.version, t.version AS kept_version, t.size, t.reachable, t.since, t.changed_at, w.as_of, w.seq
FROM segments AS s
LEFT JOIN segment_states AS t USING (segment_id)
CROSS JOIN membership_writer AS w
WHERE s.segment_id = $1;

-- name: list_entries
-- When members entered last, as far as that is kept.
SELECT DISTINCT ON (customer_id) customer_id, at, version, cause
FROM segment_changes
WHERE customer_id = ANY ($2::bigint[]) AND segments @> ARRAY[$1::int] AND segment_id = $1 AND entered
ORDER BY customer_id, change_id DESC;

-- name: name_customers
SELECT customer_id, user_id FROM customers WHERE customer_id = ANY ($1::bigint[]);

-- name: list_changes
-- After a number, oldest first; without those who asked to be erased.
SELECT h.change_id, h.segment_id, h.version, h.customer_id, c.user_id, h.at, h.entered, h.cause
FROM segment_changes AS h
LEFT JOIN customers AS c USING (customer_id)
WHERE h.row_id > $1 AND h.change_id > $1 AND c.erased_at IS NULL
ORDER BY h.row_id, h.change_id
LIMIT $2;

-- name: list_segment_changes
-- The same of one segment.
SELECT h.change_id, h.segment_id, h.version, h.customer_id, c.user_id, h.at, h.entered, h.cause
FROM segment_changes AS h
LEFT JOIN customers AS c USING (customer_id)
WHERE h.row_id > $1 AND h.change_id > $1 AND h.segments @> ARRAY[$2::int] AND h.segment_id = $2 AND c.erased_at IS NULL
ORDER BY h.row_id, h.change_id
LIMIT $3;

-- name: list_latest_changes
-- Of one segment, newest first, before a number; without those who asked to be erased.
SELECT h.change_id, h.segment_id, h.version, h.customer_id, c.user_id, h.at, h.entered, h.cause
FROM segment_changes AS h
LEFT JOIN customers AS c USING (customer_id)
WHERE h.segments @> ARRAY[$1::int] AND h.segment_id = $1 AND h.change_id < $2 AND c.erased_at IS NULL
    AND h.row_id <= coalesce((SELECT min(change_id) FROM customer_turns WHERE change_id >= $2), $2)
ORDER BY h.row_id DESC, h.change_id DESC
LIMIT $3;

-- name: last_change
SELECT last_change FROM membership_writer;

-- name: number_changes
-- Give out the numbers of some changes; gives the last of them.
UPDATE membership_writer SET last_change = last_change + $1 RETURNING last_change;

-- name: changes_since
-- Since when changes are kept without a gap; null while none was forgotten.
SELECT changes_since FROM membership_writer;

-- name: first_turns
-- What each customer did first after a moment: who entered was not in it then, who left was.
SELECT DISTINCT ON (customer_id) customer_id, entered
FROM segment_changes
WHERE segments @> ARRAY[$1::int] AND segment_id = $1 AND at > $2
ORDER BY customer_id, change_id;

-- name: list_days
-- Days with changes from $2 on, and the last one before it, from which the size is carried on.
(
    SELECT business_day, size, reachable, entered, departed FROM segment_days
    WHERE segment_id = $1 AND business_day < $2
    ORDER BY business_day DESC LIMIT 1
)
UNION ALL
(
    SELECT business_day, size, reachable, entered, departed FROM segment_days
    WHERE segment_id = $1 AND business_day >= $2
    ORDER BY business_day
);

-- name: forget_changes
-- A piece of those that are kept long enough, from the lower end: numbers and moments rise together.
WITH old AS (SELECT change_id FROM customer_turns ORDER BY change_id LIMIT $2),
gone AS (
    DELETE FROM customer_turns AS h USING old WHERE h.change_id = old.change_id AND h.at < $1
    RETURNING cardinality(h.segments) AS changes
),
noted AS (
    UPDATE membership_writer SET changes_since = greatest(changes_since, $1) WHERE EXISTS (SELECT FROM gone)
)
SELECT count(*) AS rows, coalesce(sum(changes), 0)::bigint AS changes FROM gone;

-- name: list_sizes_before
-- Sizes at the end of the day before a day: only days on which something changed are kept.
SELECT DISTINCT ON (segment_id) segment_id, size FROM segment_days WHERE business_day < $1
ORDER BY segment_id, business_day DESC;
