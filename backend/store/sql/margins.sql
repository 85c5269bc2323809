-- name: list_margin_rates
-- Every version: an order goes by the one in force on its day, however long ago that is.
SELECT version, valid_from, default_rate, categories, saved_at, saved_by FROM margin_rates ORDER BY version;

-- name: lock_margin_rates
-- Two people who save at once are given numbers one after the other.
LOCK TABLE margin_rates IN SHARE ROW EXCLUSIVE MODE;

-- name: add_margin_rates
-- The next version.
INSERT INTO margin_rates (version, valid_from, default_rate, categories, saved_at, saved_by)
SELECT coalesce(max(version), 0) + 1, $1, $2, $3, $4, $5 FROM margin_rates
RETURNING version;
