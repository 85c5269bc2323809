-- name: insert_campaign
INSERT INTO campaigns (
    name, kind, segment_id, content, holdout_percent, policy, conversion_event, conversion_days, expires_after,
    scheduled_at, priority, devices, quiet, own_zone, rate_per_minute, more, state, salt, created_at, created_by,
    changed_at, edited_by
)
VALUES (
    $1, $2, $3, $4, $5::float8::numeric, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 'draft', $17, $18, $19, $18, $19
)
RETURNING campaign_id;

-- name: update_draft
-- What was said of the words before is said of other words: an approval, a refusal and their audience go.
WITH before AS (SELECT state FROM campaigns WHERE campaign_id = $17)
UPDATE campaigns
SET name = $1, kind = $2, segment_id = $3, content = $4, holdout_percent = $5::float8::numeric, policy = $6,
    conversion_event = $7, conversion_days = $8, expires_after = $9, scheduled_at = $10, priority = $11, devices = $12,
    quiet = $13, own_zone = $14, rate_per_minute = $15, more = $16, state = $18, changed_at = $19, edited_by = $20,
    revision = revision + 1, submitted_by = NULL, audience = NULL, reviewed_by = NULL, reviewed_at = NULL,
    review_comment = NULL
WHERE campaign_id = $17
RETURNING (SELECT before.state FROM before);

-- name: update_running
-- A new version of one that runs: everything but its state and what its reports are counted by. The launcher looks at once.
UPDATE campaigns
SET name = $1, kind = $2, segment_id = $3, content = $4, holdout_percent = $5::float8::numeric, policy = $6,
    conversion_event = $7, conversion_days = $8, expires_after = $9, scheduled_at = $10, priority = $11, devices = $12,
    quiet = $13, own_zone = $14, rate_per_minute = $15, more = $16, changed_at = $18, edited_by = $19,
    revision = revision + 1, proposal = NULL, proposed_by = NULL,
    next_at = CASE WHEN $2 IN ('recurring', 'date') THEN $18::timestamptz END
WHERE campaign_id = $17;

-- name: add_version
WITH made AS (
    INSERT INTO campaign_versions (campaign_id, version, definition, created_at, created_by)
    SELECT $1, c.version + 1, $2, $3, $4 FROM campaigns AS c WHERE c.campaign_id = $1
    RETURNING version
)
UPDATE campaigns SET version = made.version FROM made WHERE campaign_id = $1 RETURNING made.version;

-- name: read_version
SELECT definition FROM campaign_versions WHERE campaign_id = $1 AND version = $2;

-- name: list_versions
SELECT version, definition, created_at, created_by FROM campaign_versions WHERE campaign_id = $1 ORDER BY version;

-- name: submit
UPDATE campaigns
SET state = 'awaiting_approval', scheduled_at = $2, submitted_by = $3, audience = $4, changed_at = $5, revision = revision + 1,
    reviewed_by = NULL, reviewed_at = NULL, review_comment = NULL
WHERE campaign_id = $1
RETURNING name;

-- name: review
-- A second person's word; of one that runs it is about its proposal, which a refusal takes away.
UPDATE campaigns
SET state = $2, reviewed_by = $3, review_comment = $4, reviewed_at = $5, changed_at = $5, revision = revision + 1,
    proposal = NULL, proposed_by = NULL
WHERE campaign_id = $1
RETURNING name;

-- name: propose
UPDATE campaigns
SET proposal = $2, proposed_by = $3, changed_at = $4, revision = revision + 1
WHERE campaign_id = $1;

-- name: set_archived
UPDATE campaigns SET archived_at = $2, changed_at = $3, revision = revision + 1 WHERE campaign_id = $1;

-- name: fail
UPDATE campaigns
SET state = 'failed', failed_reason = $2, finished_at = $3, next_at = NULL, changed_at = $3, revision = revision + 1
WHERE campaign_id = $1
RETURNING name;

-- name: count_everyone
-- No further than it matters: whether there are more than so many.
SELECT count(*) FROM (SELECT FROM customers WHERE merged_into IS NULL LIMIT $1) AS counted;

-- name: list_names
-- Those that a copy's name must differ from.
SELECT name FROM campaigns WHERE starts_with(name, $1);
