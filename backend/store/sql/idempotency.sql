-- name: be_patient
-- How long the next statement waits for another request with the same key, in milliseconds; 0 is for ever.
SELECT set_config('lock_timeout', $1, true)

-- name: claim_key
-- Waits for a request with the same key that is under way. No row: the key was used.
INSERT INTO idempotency_keys (api_key_id, key, fingerprint, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING key

-- name: read_answer
SELECT fingerprint, status, headers, body FROM idempotency_keys WHERE api_key_id = $1 AND key = $2

-- name: keep_answer
UPDATE idempotency_keys SET status = $3, headers = $4, body = $5 WHERE api_key_id = $1 AND key = $2

-- name: free_key
DELETE FROM idempotency_keys WHERE api_key_id = $1 AND key = $2

-- name: forget_answers
DELETE FROM idempotency_keys WHERE created_at < $1
