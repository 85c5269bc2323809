-- name: hold_blocks
-- One keeper at a time. Before anything is read, so that whoever comes next sees what this one wrote; readers do not wait.
LOCK TABLE standing_blocks IN SHARE ROW EXCLUSIVE MODE NOWAIT

-- name: count_changes
-- How many changes wait, counted no further than asked ($1).
SELECT count(*) FROM (SELECT FROM standing_changes LIMIT $1) AS waiting

-- name: take_changes
-- Changes that are seen here: what commits later stays for the next time.
WITH taken AS (DELETE FROM standing_changes RETURNING customer_id, pushes)
SELECT customer_id, bool_and(pushes) AS pushes FROM taken GROUP BY customer_id

-- name: drop_changes
DELETE FROM standing_changes

-- name: drop_blocks
DELETE FROM standing_blocks

-- name: read_changes
-- Of whom the blocks are not to be trusted, no more than asked ($2); of a campaign that counts no pushes ($1) theirs do not matter.
SELECT customer_id FROM standing_changes WHERE NOT pushes OR $1::boolean LIMIT $2

-- name: list_blocks
SELECT block, cap_day, cap_week FROM standing_blocks

-- name: read_blocks
-- Everybody's kinds, and the moments of a class ($1) that caps ask for, where they were kept for these caps ($2, $3) and reach back far
-- enough ($4); counted is false where they do not.
SELECT
    block, kinds, fits AS counted,
    CASE WHEN fits AND $2 > 0 THEN CASE WHEN $1 > 1 THEN day_2 ELSE day_1 END END AS day,
    CASE WHEN fits AND $3 > 0 THEN CASE WHEN $1 > 1 THEN week_2 ELSE week_1 END END AS week
FROM standing_blocks
CROSS JOIN LATERAL (SELECT $1::int > 0 AND cap_day = $2::int AND cap_week = $3::int AND pushes_since <= $4::timestamptz AS fits) AS asked

-- name: read_block
SELECT kinds, cap_day, cap_week, pushes_since, day_1, week_1, day_2, week_2 FROM standing_blocks WHERE block = $1

-- name: write_block
INSERT INTO standing_blocks (block, kinds, cap_day, cap_week, pushes_since, day_1, week_1, day_2, week_2)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (block) DO UPDATE SET
    kinds = excluded.kinds, cap_day = excluded.cap_day, cap_week = excluded.cap_week, pushes_since = excluded.pushes_since,
    day_1 = excluded.day_1, week_1 = excluded.week_1, day_2 = excluded.day_2, week_2 = excluded.week_2

-- name: read_kinds
SELECT kind, gone::int, marketing::int, service::int, devices, language, zone, has_family_name::int, has_given_name::int FROM standing_kinds

-- name: add_kinds
INSERT INTO standing_kinds (kind, gone, marketing, service, devices, language, zone, has_family_name, has_given_name)
SELECT * FROM unnest($1::int[], $2::boolean[], $3::boolean[], $4::boolean[], $5::int[], $6::text[], $7::text[], $8::boolean[], $9::boolean[])

-- name: read_every_word
-- What each has said of pushes, by purpose.
SELECT customer_id, purpose, granted::int FROM consents
WHERE channel = 'push' AND purpose IN ('marketing', 'service') AND ($1::bigint[] IS NULL OR customer_id = ANY ($1::bigint[]))

-- name: read_moments
-- Pushes since a moment ($2) as the caps count them, class by class: a row a device; seconds since 1970.
SELECT customer_id, campaign_id, occurrence, step, priority, floor(date_part('epoch', sent_at))::bigint
FROM deliveries
WHERE sent_at > $2::timestamptz AND priority >= 1 AND ($1::bigint[] IS NULL OR customer_id = ANY ($1::bigint[]))
