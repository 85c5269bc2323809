-- name: read_identity
-- Which database this is: the cluster, its timeline (a restore from a base backup opens a new one; the name of the
-- present file of the log tells it, the control file may lag behind), the database in it, and how far its log is safe on
-- the disk: what lies beyond may be gone after a crash.
SELECT
    control.system_identifier,
    ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::int AS timeline,
    d.oid::bigint AS database_oid,
    (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint AS position
FROM pg_control_system() AS control, pg_database AS d
WHERE d.datname = current_database()

-- name: read_right
-- The right that holds; none before the first worker of an installation.
SELECT right_id, system_identifier, timeline, database_oid::bigint AS database_oid, armed_at
FROM sending_rights
ORDER BY armed_at DESC, right_id
LIMIT 1

-- name: hold_first_grant
-- Workers that start together on a new database wait for each other: one of them arms it.
SELECT pg_advisory_xact_lock(7236860)

-- name: has_campaigns
SELECT EXISTS (SELECT FROM campaigns)

-- name: grant_right
INSERT INTO sending_rights (right_id, system_identifier, timeline, database_oid, armed_at, armed_by)
VALUES ($1, $2, $3, $4::bigint::oid, $5, $6)

-- name: pause_running
-- What was being sent when the backup was taken may have been sent since by the installation it was taken from.
UPDATE campaigns
SET state = 'paused', paused_reason = 'restored', changed_at = $1, revision = revision + 1
WHERE state = 'sending'
RETURNING campaign_id, name

-- name: unschedule_due
-- So may those whose moment has come: a person decides on them again.
UPDATE campaigns
SET state = 'draft', changed_at = $1, revision = revision + 1
WHERE state = 'scheduled' AND scheduled_at <= $1
RETURNING campaign_id, name
