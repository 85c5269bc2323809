-- name: find_devices
-- The addresses that a batch names, every device of the people it is about, and every one where an id was heard that may
-- change hands.
SELECT
    address, address_kind, customer_id, source_id, anonymous_id, state, first_seen, last_seen, device_key, platform,
    app_version, locale, time_zone, permission, proven_for, heard, told
FROM devices
WHERE address = ANY ($1::text[]) OR customer_id = ANY ($2::bigint[]) OR heard_ids && $3::text[]

-- name: put_devices
-- A device that was retired meanwhile stays retired: FCM's answer is later than what this batch knew. One JSON text,
-- because eighteen arrays take the driver ten times as long to write.
INSERT INTO devices (
    address, address_kind, customer_id, source_id, anonymous_id, state, first_seen, last_seen, device_key, platform,
    app_version, locale, time_zone, permission, proven_for, heard, heard_ids, told
)
SELECT
    address, kind, customer_id, source_id, anonymous_id, state, first_seen, last_seen, device_key, platform,
    app_version, locale, time_zone, permission, proven_for, heard, heard_ids, told
FROM json_to_recordset($1::json) AS given (
    address text, kind text, customer_id bigint, source_id int, anonymous_id text, state text, first_seen timestamptz,
    last_seen timestamptz, device_key bigint, platform text, app_version text, locale text, time_zone text,
    permission text, proven_for bigint[], heard jsonb, heard_ids text[], told jsonb
)
ORDER BY address
ON CONFLICT (address) DO UPDATE SET
    address_kind = excluded.address_kind,
    customer_id = excluded.customer_id,
    source_id = excluded.source_id,
    anonymous_id = excluded.anonymous_id,
    state = CASE WHEN devices.state = 'retired' THEN devices.state ELSE excluded.state END,
    first_seen = least(devices.first_seen, excluded.first_seen),
    last_seen = greatest(devices.last_seen, excluded.last_seen),
    device_key = excluded.device_key,
    platform = excluded.platform,
    app_version = excluded.app_version,
    locale = excluded.locale,
    time_zone = excluded.time_zone,
    permission = excluded.permission,
    proven_for = excluded.proven_for,
    heard = excluded.heard,
    heard_ids = excluded.heard_ids,
    told = excluded.told
