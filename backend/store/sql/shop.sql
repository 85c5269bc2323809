-- name: list_settings
-- All of them: they are few, and every use needs several at once.
SELECT key, value FROM shop_settings;

-- name: put_setting
-- The last word wins; who and when stays beside the value.
INSERT INTO shop_settings (key, value, changed_at, changed_by)
VALUES ($1, $2, $3, $4)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at, changed_by = excluded.changed_by;

-- name: lock_settings
-- Two people who save at once do so one after the other; the lock goes with the transaction.
SELECT pg_advisory_xact_lock(7236844);

-- name: has_history
-- Whether anything was ever taken in: the log may have been emptied of old days, the refresh ledger remembers.
SELECT EXISTS (SELECT 1 FROM event_log) OR EXISTS (SELECT 1 FROM refresh_batches WHERE upto_seq > 0);

-- name: touch_everyone
-- A changed consent rule changes who can be reached, though no event says so.
INSERT INTO touched_customers (customer_id, touched_at)
SELECT customer_id, $1::timestamptz FROM customers WHERE merged_into IS NULL
ON CONFLICT (customer_id) DO UPDATE SET touched_at = excluded.touched_at;

-- name: sample_trait
-- Of so many, that what they look like is seen, and that a trait that everybody has is not read of everybody.
SELECT traits -> $1::text AS value FROM customers WHERE merged_into IS NULL AND traits ? $1::text LIMIT 5000;
