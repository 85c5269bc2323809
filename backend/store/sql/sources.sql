-- name: create_source
INSERT INTO sources (name, kind, created_at)
VALUES ($1, $2, $3)
RETURNING source_id

-- name: add_keyless
INSERT INTO sources (name, kind, created_at) VALUES ($1, 'server', $2) ON CONFLICT (name) DO NOTHING

-- name: find_any
SELECT source_id, kind, revoked_at FROM sources WHERE name = $1

-- name: find_by_key
-- The source of a key that is in force, with its limits.
SELECT s.source_id, s.name, s.kind, s.key_limit, s.address_limit, k.source_key_id AS key_id, k.last_used
FROM source_keys AS k
JOIN sources AS s USING (source_id)
WHERE k.key_hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2) AND s.revoked_at IS NULL

-- name: find_by_name
SELECT source_id, name, kind FROM sources WHERE name = $1 AND revoked_at IS NULL

-- name: revoke_source
-- The row stays: its events refer to it. Revoking again changes nothing.
UPDATE sources SET revoked_at = coalesce(revoked_at, $2) WHERE name = $1 AND kind IN ('app', 'server')
RETURNING source_id

-- name: list_sources
SELECT
    s.source_id,
    s.name,
    s.kind,
    (
        SELECT k.public_key FROM source_keys AS k
        WHERE k.source_id = s.source_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)
        ORDER BY k.source_key_id DESC LIMIT 1
    ) AS public_key,
    s.created_at,
    s.revoked_at,
    coalesce(sum(c.stored), 0)::bigint AS stored,
    coalesce(sum(c.repeated), 0)::bigint AS repeated,
    coalesce(sum(c.failed), 0)::bigint AS failed,
    max(c.last_at) AS last_seen
FROM sources AS s
LEFT JOIN event_counts AS c USING (source_id)
GROUP BY s.source_id
ORDER BY s.source_id
