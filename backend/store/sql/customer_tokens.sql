-- name: read_ring
-- What an intake process needs to judge tokens, in one round trip: the source's mode, and each of its keys, if any.
SELECT s.name, s.token_mode, k.kid, k.algorithm, k.public_key, k.retired_at IS NOT NULL AS retired
FROM sources AS s
LEFT JOIN source_token_keys AS k ON k.source_id = s.source_id AND s.token_mode <> 'off'
WHERE s.source_id = $1
ORDER BY k.kid

-- name: read_mode
SELECT name, kind, token_mode, revoked_at FROM sources WHERE source_id = $1

-- name: lock_mode
-- Locked, so that the last key does not go while somebody else begins to enforce. Weaker than FOR UPDATE: the intake,
-- whose rows refer to the source, goes on.
SELECT name, kind, token_mode, revoked_at FROM sources WHERE source_id = $1 FOR NO KEY UPDATE

-- name: set_mode
UPDATE sources SET token_mode = $2 WHERE source_id = $1

-- name: add_key
INSERT INTO source_token_keys (source_id, kid, algorithm, public_key, added_at, added_by)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: list_keys
SELECT kid, algorithm, public_key, added_at, added_by, last_used, retired_at, retired_by
FROM source_token_keys
WHERE source_id = $1
ORDER BY retired_at IS NOT NULL, added_at DESC, kid

-- name: count_active
SELECT count(*) FROM source_token_keys WHERE source_id = $1 AND retired_at IS NULL

-- name: retire_key
-- A retired key stays, so that its name is never given to another and a late token can be told what happened.
UPDATE source_token_keys SET retired_at = $3, retired_by = $4
WHERE source_id = $1 AND kid = $2 AND retired_at IS NULL
RETURNING kid

-- name: touch_keys
-- Exact to the hour, which is enough to see that a key is out of use and cheap enough for every intake process.
UPDATE source_token_keys SET last_used = $3
WHERE source_id = $1 AND kid = ANY ($2::text[])
    AND (last_used IS NULL OR last_used < $3::timestamptz - interval '1 hour')

-- name: add_counts
INSERT INTO token_counts (received_day, source_id, verdict, events)
SELECT $4::date, source_id, verdict, events
FROM unnest($1::int[], $2::text[], $3::bigint[]) AS given (source_id, verdict, events)

-- name: fold_counts
-- As in events.sql: rows added meanwhile stay, rows another folder took are skipped, nothing is counted twice, and what
-- is one row already is not written anew.
WITH many AS (
    SELECT received_day, source_id, verdict FROM token_counts GROUP BY received_day, source_id, verdict HAVING count(*) > 1
), taken AS (
    DELETE FROM token_counts AS c USING many AS m
    WHERE c.received_day = m.received_day AND c.source_id = m.source_id AND c.verdict = m.verdict
    RETURNING c.received_day, c.source_id, c.verdict, events
)
INSERT INTO token_counts (received_day, source_id, verdict, events)
SELECT received_day, source_id, verdict, sum(events)
FROM taken
GROUP BY received_day, source_id, verdict

-- name: count_by_day
SELECT received_day, verdict, sum(events)::bigint AS events
FROM token_counts
WHERE source_id = $1 AND received_day >= $2::date
GROUP BY received_day, verdict
ORDER BY received_day DESC, events DESC, verdict
