-- name: take_tokens
-- Charges the bucket $1 what was spent beyond its tokens ($2), then takes up to $3 more: one statement, so that two processes
-- never get the same token. The bucket holds $4 at most and fills by $5 a second; what is owed it may go below nothing by, and
-- less than nothing ($2) is given back, up to what it holds. Less than one token is none. A clock that is behind fills nothing.
INSERT INTO rate_buckets AS b (subject, tokens, granted, at)
SELECT $1, f.rest - g.granted, g.granted, $6::timestamptz
FROM (SELECT $4::float8 - greatest($2::float8, 0) AS rest) AS f
CROSS JOIN LATERAL (SELECT CASE WHEN f.rest >= 1 THEN least($3::float8, f.rest) ELSE 0 END AS granted) AS g
ON CONFLICT (subject) DO UPDATE SET (tokens, granted, at) = (
    SELECT f.rest - g.granted, g.granted, greatest(b.at, $6)
    FROM (
        SELECT least($4, b.tokens + $5::float8 * extract(epoch FROM greatest($6 - b.at, interval '0'))::float8 - least($2, 0))
            - greatest($2, 0) AS rest
    ) AS f
    CROSS JOIN LATERAL (SELECT CASE WHEN f.rest >= 1 THEN least($3, f.rest) ELSE 0 END AS granted) AS g
)
RETURNING granted, tokens

-- name: forget_buckets
-- A bucket that nobody asked for so long is full, whatever was owed.
DELETE FROM rate_buckets WHERE at < $1
