-- name: create_key
INSERT INTO api_keys (name, key_hash, created_at) VALUES ($1, $2, $3)

-- name: find_key
SELECT last_used FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL

-- name: note_use
UPDATE api_keys SET last_used = $2 WHERE key_hash = $1

-- name: revoke_key
UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE name = $1 RETURNING api_key_id

-- name: list_keys
SELECT name, created_at, last_used, revoked_at FROM api_keys ORDER BY api_key_id
