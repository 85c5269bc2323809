-- name: declare_test
-- Its moment is declared by the first launch; those that follow change nothing.
INSERT INTO campaign_tests (campaign_id, due_at) VALUES ($1, $2)
ON CONFLICT DO NOTHING

-- name: list_open
-- Tests whose moment has come, of campaigns that are sending: one that is paused is decided when it goes on.
SELECT t.campaign_id, t.due_at
FROM campaign_tests AS t
JOIN campaigns AS c USING (campaign_id)
WHERE t.decided_at IS NULL AND t.due_at <= $1 AND c.state = 'sending'
ORDER BY t.due_at, t.campaign_id

-- name: decide
-- Once: whoever comes second finds it decided, and gets no row.
UPDATE campaign_tests SET decided_at = $2, as_of = $3, variant = $4, decision = $5
WHERE campaign_id = $1 AND decided_at IS NULL
RETURNING campaign_id
