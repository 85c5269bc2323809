-- name: add_key
INSERT INTO source_keys (source_id, key_hash, public_key, hint, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING source_key_id

-- name: note_use
UPDATE source_keys SET last_used = $2 WHERE source_key_id = $1

-- name: lock_source
-- One change of a source's keys at a time. Weaker than FOR UPDATE: the intake, whose rows refer to the source, goes on.
SELECT source_id, name, kind, revoked_at, key_limit, address_limit FROM sources
WHERE source_id = $1 AND kind IN ('app', 'server')
FOR NO KEY UPDATE

-- name: read_source
SELECT source_id, name, kind, revoked_at, key_limit, address_limit FROM sources
WHERE source_id = $1 AND kind IN ('app', 'server')

-- name: find_source
SELECT source_id FROM sources WHERE name = $1

-- name: count_in_force
SELECT count(*) FROM source_keys
WHERE source_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)

-- name: expire_others
-- The end of every other key that is in force, unless it ends earlier anyway.
UPDATE source_keys SET expires_at = least(expires_at, $3)
WHERE source_id = $1 AND source_key_id <> $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $4)

-- name: revoke_key
-- Revoking again changes nothing.
UPDATE source_keys SET revoked_at = coalesce(revoked_at, $3) WHERE source_id = $1 AND source_key_id = $2
RETURNING key_hash, hint

-- name: forget_first_key
-- The release before reads the key from here.
UPDATE sources SET key_hash = NULL, public_key = NULL WHERE source_id = $1 AND key_hash = $2

-- name: set_limits
UPDATE sources SET key_limit = $2, address_limit = $3 WHERE source_id = $1

-- name: list_keys
SELECT source_key_id, public_key, hint, created_at, created_by, expires_at, revoked_at, last_used
FROM source_keys WHERE source_id = $1
ORDER BY source_key_id DESC
