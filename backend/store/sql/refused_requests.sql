-- name: keep_refused
INSERT INTO refused_requests (refused_at, path, status, code, message, size, body)
SELECT refused_at, path, status, code, message, size, body
FROM unnest($1::timestamptz[], $2::text[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::bytea[])
    AS given (refused_at, path, status, code, message, size, body)

-- name: list_refused
SELECT refused_id, refused_at, path, status, code, message, size
FROM refused_requests
ORDER BY refused_id DESC
LIMIT $1

-- name: get_refused
SELECT refused_id, refused_at, path, status, code, message, size, body FROM refused_requests WHERE refused_id = $1

-- name: refused_since
SELECT EXISTS (SELECT FROM refused_requests WHERE refused_at >= $1::timestamptz)

-- name: forget_refused
DELETE FROM refused_requests WHERE refused_at < $1::timestamptz
