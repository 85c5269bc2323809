-- name: list_versions
SELECT version, valid_from, rules, note, saved_at, saved_by FROM rank_rules ORDER BY version

-- name: lock_versions
-- Two people who save at once are given numbers one after the other.
LOCK TABLE rank_rules IN SHARE ROW EXCLUSIVE MODE

-- name: insert_version
INSERT INTO rank_rules (version, valid_from, rules, note, saved_at, saved_by) VALUES ($1, $2, $3, $4, $5, $6)
