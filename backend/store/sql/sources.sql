-- name: create_source
INSERT INTO sources (name, kind, key_hash, public_key, created_at)
VALUES ($1, $2, $3, $4, $5)
RETURNING source_id

-- name: find_by_key
SELECT source_id, name, kind FROM sources WHERE key_hash = $1 AND revoked_at IS NULL

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
    s.public_key,
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
