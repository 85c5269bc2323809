-- name: list_campaigns
-- What stands in the list. accepted counts people, not devices; it is found through the unique index of the ledger.
SELECT
    c.campaign_id, c.name, c.state, c.segment_id, s.name AS segment_name, c.segment_version, c.content,
    c.holdout_percent::float8 AS holdout_percent, c.salt, c.policy, c.conversion_event, c.conversion_days,
    c.scheduled_at, c.expires_after, c.planned_at, c.expires_at, c.finished_at, c.paused_reason, c.targeted, c.control,
    c.created_at, c.created_by, c.changed_at, c.revision, c.kind, c.priority, c.devices, c.quiet, c.own_zone, c.rate_per_minute,
    c.more, c.version, c.next_at, c.looked_at, c.archived_at, c.failed_reason, c.edited_by, c.submitted_by, c.audience, c.reviewed_by,
    c.reviewed_at, c.review_comment, c.proposal, c.proposed_by,
    t.due_at AS test_due_at, t.decided_at AS test_decided_at, t.as_of AS test_as_of, t.decision AS test_decision,
    (
        SELECT count(DISTINCT d.customer_id) FROM deliveries AS d
        WHERE d.campaign_id = c.campaign_id AND d.state = 'accepted'
    ) AS accepted,
    (
        SELECT count(*) FROM waiting_launches AS w
        WHERE w.campaign_id = c.campaign_id AND w.approved_at IS NULL AND c.state IN ('sending', 'paused')
    ) AS waiting
FROM campaigns AS c
LEFT JOIN segments AS s USING (segment_id)
LEFT JOIN campaign_tests AS t USING (campaign_id)
WHERE $1::int IS NULL OR c.campaign_id = $1
ORDER BY c.changed_at DESC, c.campaign_id DESC

-- name: lock_campaign
SELECT campaign_id, state, revision, name, expires_after, next_at FROM campaigns WHERE campaign_id = $1 FOR UPDATE

-- name: share_campaign
-- Holds the state still while a chunk is claimed or recorded: who cancels or pauses waits these few milliseconds. Says beside it
-- whether devices wait for another try, how the campaign is to be sent, and what was decided of its test, if it has one.
SELECT
    state, EXISTS (SELECT FROM deliveries AS d WHERE d.campaign_id = campaigns.campaign_id AND d.retry_at <= $2) AS again,
    salt,
    EXISTS (SELECT FROM campaign_tests AS t WHERE t.campaign_id = campaigns.campaign_id AND t.decided_at IS NOT NULL) AS decided,
    (SELECT t.variant FROM campaign_tests AS t WHERE t.campaign_id = campaigns.campaign_id) AS winner
FROM campaigns WHERE campaign_id = $1 FOR SHARE

-- name: set_state
UPDATE campaigns
SET state = $2::text, changed_at = $3::timestamptz, revision = revision + 1, paused_reason = $4,
    finished_at = CASE WHEN $2::text IN ('sent', 'cancelled') THEN $3::timestamptz END
WHERE campaign_id = $1
RETURNING name

-- name: set_schedule
-- What was said of one that stands scheduled is a yes and goes on to count; of a draft it was a no, or an older yes.
UPDATE campaigns
SET state = 'scheduled', scheduled_at = $2, changed_at = $3, revision = revision + 1,
    reviewed_by = CASE WHEN state = 'scheduled' THEN reviewed_by END,
    reviewed_at = CASE WHEN state = 'scheduled' THEN reviewed_at END,
    review_comment = CASE WHEN state = 'scheduled' THEN review_comment END
WHERE campaign_id = $1
RETURNING name

-- name: set_launched
UPDATE campaigns
SET state = 'sending', planned_at = $2, expires_at = $3, segment_version = $4, targeted = $5, control = $6,
    changed_at = $7, revision = revision + 1
WHERE campaign_id = $1
RETURNING name

-- name: has_occurrence
SELECT EXISTS (SELECT FROM campaign_occurrences WHERE campaign_id = $1 AND occurrence = $2)

-- name: read_salt
SELECT salt FROM campaigns WHERE campaign_id = $1

-- name: add_occurrence
INSERT INTO campaign_occurrences (
    campaign_id, occurrence, step, version, segment_version, planned_at, expires_at, targeted, control, launched_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: add_launch
-- The campaign's own expiry is when it is first worth looking for expired rows.
UPDATE campaigns
SET targeted = targeted + $2, control = control + $3, expires_at = coalesce(expires_at, $4), segment_version = $5
WHERE campaign_id = $1

-- name: set_next
UPDATE campaigns SET looked_at = $2, next_at = $3 WHERE campaign_id = $1

-- name: list_entered
SELECT DISTINCT customer_id FROM campaign_people
WHERE campaign_id = $1 AND arm IS NOT NULL AND ($2::timestamptz IS NULL OR planned_at > $2)

-- name: list_due
SELECT campaign_id FROM campaigns
WHERE (state = 'scheduled' AND scheduled_at <= $1) OR (state = 'sending' AND next_at <= $1)
ORDER BY coalesce(next_at, scheduled_at), campaign_id

-- name: list_active
-- Campaigns whose ledger may hold work, the oldest first. due: something may go out at $1; what runs for months has nothing
-- most of the time, and costs its claim only then. A launch that waits for a second person may still come, too. Who waits for the winner of a test is due once that is decided.
SELECT
    c.campaign_id, c.state, c.expires_at, c.revision, c.kind, c.rate_per_minute,
    coalesce(c.next_at, (SELECT min(w.expires_at) FROM waiting_launches AS w WHERE w.campaign_id = c.campaign_id)) AS next_at,
    EXISTS (
        SELECT FROM campaign_people AS p
        WHERE p.campaign_id = c.campaign_id AND p.state = 'planned' AND NOT p.rest AND p.not_before <= $1
    )
    OR (
        EXISTS (SELECT FROM campaign_tests AS t WHERE t.campaign_id = c.campaign_id AND t.decided_at IS NOT NULL)
        AND EXISTS (
            SELECT FROM campaign_people AS p
            WHERE p.campaign_id = c.campaign_id AND p.state = 'planned' AND p.rest AND p.not_before <= $1
        )
    )
    OR EXISTS (SELECT FROM deliveries AS d WHERE d.campaign_id = c.campaign_id AND d.retry_at <= $1) AS due
FROM campaigns AS c
WHERE state IN ('sending', 'paused')
ORDER BY planned_at, campaign_id

-- name: has_segment
SELECT EXISTS (SELECT FROM segments WHERE segment_id = $1 AND archived_at IS NULL)

-- name: list_survivors
-- Who was merged into whom in the end.
WITH RECURSIVE chain AS (
    SELECT customer_id, merged_into AS survivor FROM customers WHERE merged_into IS NOT NULL
    UNION
    SELECT chain.customer_id, c.merged_into
    FROM chain JOIN customers AS c ON c.customer_id = chain.survivor
    WHERE c.merged_into IS NOT NULL
)
SELECT chain.customer_id, chain.survivor
FROM chain JOIN customers AS c ON c.customer_id = chain.survivor
WHERE c.merged_into IS NULL

-- name: record_test_send
INSERT INTO test_sends (campaign_id, customer_id, device_id, outcome, message_name, sent_by, sent_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
