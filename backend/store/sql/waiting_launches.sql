-- name: hold_back
-- A launch waits for a second person; one that was approved and has outgrown that again waits once more.
INSERT INTO waiting_launches (campaign_id, occurrence, planned_at, day, people, approved_for, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (campaign_id, occurrence) DO UPDATE
SET people = excluded.people, approved_for = excluded.approved_for, approved_by = NULL, approved_at = NULL

-- name: list_waiting
-- Those of a campaign that nobody has said anything about, the next to expire first.
SELECT occurrence, planned_at, people, approved_for, expires_at FROM waiting_launches
WHERE campaign_id = $1 AND approved_at IS NULL
ORDER BY expires_at, occurrence

-- name: list_approved
SELECT w.campaign_id, w.occurrence, w.planned_at, w.day, w.people
FROM waiting_launches AS w
JOIN campaigns AS c USING (campaign_id)
WHERE c.state = 'sending' AND w.approved_at IS NOT NULL AND w.expires_at > $1
ORDER BY w.expires_at, w.campaign_id, w.occurrence

-- name: approve
UPDATE waiting_launches SET approved_by = $3, approved_at = $4
WHERE campaign_id = $1 AND occurrence = $2 AND approved_at IS NULL AND expires_at > $4
RETURNING people

-- name: set_approved_for
-- A second person has looked at so many: later launches go by it.
UPDATE campaigns SET audience = $2, reviewed_by = $3, reviewed_at = $4, review_comment = $5 WHERE campaign_id = $1

-- name: take
-- Whoever takes it away launches it.
DELETE FROM waiting_launches WHERE campaign_id = $1 AND occurrence = $2 AND approved_at IS NOT NULL RETURNING occurrence

-- name: drop
DELETE FROM waiting_launches WHERE campaign_id = $1 AND occurrence = $2 AND approved_at IS NULL RETURNING people

-- name: drop_expired
-- Too late now, or the campaign has ended.
DELETE FROM waiting_launches AS w USING campaigns AS c
WHERE c.campaign_id = w.campaign_id AND (w.expires_at <= $1 OR c.state IN ('sent', 'cancelled', 'failed'))
RETURNING w.campaign_id, w.occurrence, w.people
