-- name: create_key
INSERT INTO api_keys (name, key_hash, hint, scopes, expires_at, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: find_key
SELECT api_key_id, name, scopes, request_limit, last_used
FROM api_keys
WHERE key_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)

-- name: note_use
UPDATE api_keys SET last_used = $2 WHERE api_key_id = $1

-- name: revoke_key
UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE name = $1 RETURNING api_key_id

-- name: limit_key
UPDATE api_keys SET request_limit = $2 WHERE name = $1 RETURNING api_key_id

-- name: list_keys
SELECT name, hint, scopes, created_at, created_by, expires_at, last_used, revoked_at, request_limit
FROM api_keys ORDER BY api_key_id
