-- name: read_clock
SELECT skew, doubt FROM device_clocks WHERE device_key = $1

-- name: remember_clocks
-- A row that says the same already is left alone: phones that are seen daily cost no writing. Its time is renewed now and
-- then, so that it is not taken for one of a phone that is gone. Sorted, so that two processes never deadlock.
INSERT INTO device_clocks AS kept (device_key, skew, doubt, learned_at)
SELECT device_key, skew, doubt, $4::timestamptz
FROM unnest($1::uuid[], $2::interval[], $3::interval[]) AS given (device_key, skew, doubt)
ORDER BY device_key
ON CONFLICT (device_key) DO UPDATE SET skew = excluded.skew, doubt = excluded.doubt, learned_at = excluded.learned_at
WHERE (kept.skew, kept.doubt) IS DISTINCT FROM (excluded.skew, excluded.doubt)
    OR kept.learned_at < excluded.learned_at - interval '30 days'

-- name: forget_clocks
DELETE FROM device_clocks WHERE learned_at < $1::timestamptz

-- name: forget_devices
DELETE FROM device_clocks WHERE device_key = ANY($1::uuid[])
