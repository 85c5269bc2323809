-- Every table of before that is changed or referred to, before anything is.
LOCK TABLE campaigns, campaign_people, deliveries, customers;

-- restore: the right to send

-- Which database may send pushes. A restored backup has another identity, or an older log than a worker has seen, and must not
-- send again what went out meanwhile: it waits until a person arms it. The newest row holds.
CREATE TABLE sending_rights (
    right_id uuid PRIMARY KEY,
    system_identifier bigint NOT NULL,
    timeline integer NOT NULL,
    database_oid oid NOT NULL,
    armed_at timestamptz NOT NULL,
    armed_by text NOT NULL
);

-- definition

-- What a marketer decides beside the first columns. Those that the ledger asks of many campaigns at once are columns, the
-- rest (trigger, re-entry, variants, steps, hypothesis, goal, tags) is in more, as campaigns.definition writes it. kind is that of
-- the trigger, or journey. segment_id is null where an event begins the campaign for whomever it happens to.
-- version is the published one; nothing is published before the launch. next_at: when the launcher has to look again at one
-- that repeats, whose occurrences up to looked_at were launched or have passed. audience: people counted when it was submitted. edited_by wrote the words that a second person approves.
-- proposal: a new version of a running campaign that waits for approval.
ALTER TABLE campaigns DROP CONSTRAINT campaigns_state_check;

ALTER TABLE campaigns ADD CONSTRAINT campaigns_state_check CHECK (state IN
    ('draft', 'awaiting_approval', 'scheduled', 'sending', 'paused', 'sent', 'cancelled', 'failed'));

ALTER TABLE campaigns
    ALTER COLUMN segment_id DROP NOT NULL,
    ADD COLUMN kind text NOT NULL DEFAULT 'once'
        CHECK (kind IN ('once', 'recurring', 'event', 'segment', 'date', 'journey')),
    ADD COLUMN priority text NOT NULL DEFAULT 'normal' CHECK (priority IN ('service', 'high', 'normal')),
    ADD COLUMN devices text NOT NULL DEFAULT 'newest' CHECK (devices IN ('newest', 'all')),
    ADD COLUMN quiet text NOT NULL DEFAULT 'hold' CHECK (quiet IN ('hold', 'drop')),
    ADD COLUMN own_zone boolean NOT NULL DEFAULT true,
    ADD COLUMN rate_per_minute integer CHECK (rate_per_minute > 0),
    ADD COLUMN more jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN version integer NOT NULL DEFAULT 0,
    ADD COLUMN next_at timestamptz,
    ADD COLUMN looked_at timestamptz,
    ADD COLUMN archived_at timestamptz,
    ADD COLUMN failed_reason text,
    ADD COLUMN edited_by text,
    ADD COLUMN submitted_by text,
    ADD COLUMN audience bigint,
    ADD COLUMN reviewed_by text,
    ADD COLUMN reviewed_at timestamptz,
    ADD COLUMN review_comment text,
    ADD COLUMN proposal jsonb,
    ADD COLUMN proposed_by text;

-- Every published definition, for good: what was sent is told by it, and people under way finish on the one they entered.
CREATE TABLE campaign_versions (
    campaign_id integer NOT NULL REFERENCES campaigns,
    version integer NOT NULL,
    definition jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (campaign_id, version)
);

-- Launches of campaigns that repeat which are for more people than were decided about: each waits by itself until a second person
-- says yes, or until expires_at. approved_for: people that the campaign was approved for; null where nobody ever approved it.
CREATE TABLE waiting_launches (
    campaign_id integer NOT NULL REFERENCES campaigns,
    occurrence bigint NOT NULL,
    planned_at timestamptz NOT NULL,
    day date NOT NULL,
    people bigint NOT NULL,
    approved_for bigint,
    expires_at timestamptz NOT NULL,
    approved_by text,
    approved_at timestamptz,
    PRIMARY KEY (campaign_id, occurrence)
);

-- ledger

-- One row a person of an occurrence and step: who was left out and why, who is control, who is to get it and what became of that.
-- An occurrence is what a person may get something for once: 1 of a campaign that is sent once, the day of a recurring one, the event,
-- the change or the entry that triggered it. state: planned, until a worker claims the person; handed, from then on device rows
-- tell; the others end it. No foreign keys: rows of campaigns and customers are never deleted, and a check of each of a million rows
-- would cost more than the rows (docs/decisions/0025).
ALTER TABLE deliveries DROP CONSTRAINT deliveries_campaign_id_customer_id_device_id_key;

DROP TABLE campaign_people;

CREATE TABLE campaign_people (
    customer_id bigint NOT NULL,
    occurrence bigint NOT NULL DEFAULT 1,
    campaign_id integer NOT NULL,
    step smallint NOT NULL DEFAULT 0,
    version smallint NOT NULL DEFAULT 1,
    arm text CHECK (arm IN ('treated', 'control')),
    variant text,
    left_out text,
    state text CHECK (state IN ('planned', 'handed', 'left_out', 'expired', 'cancelled')),
    reason text,
    planned_at timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    merge_fields jsonb NOT NULL DEFAULT '{}',
    rest boolean NOT NULL DEFAULT false,
    PRIMARY KEY (campaign_id, occurrence, step, customer_id)
);

-- Whichever of the two a plan takes, one person's row is found among few: right after a launch nobody has counted the rows yet, and
-- an index of whole occurrences would be taken for as good as the key and read from end to end for each person.
CREATE INDEX campaign_people_customer ON campaign_people (customer_id);

-- rest: who is in no test, and is sent what came out best of one: nobody of them is claimed before the decision, so that a claim asks
-- for one kind or the other.
CREATE INDEX campaign_people_due ON campaign_people (campaign_id, rest, not_before, customer_id) WHERE state = 'planned';

-- The test of a campaign whose variants are compared before the rest gets one: when it is decided, and once it was, what and by which
-- figures (campaigns.winner.Decision). variant is null where the draw is kept. The row is written by the first launch, and
-- decided_at once: whoever sets it has decided.
CREATE TABLE campaign_tests (
    campaign_id integer PRIMARY KEY REFERENCES campaigns,
    due_at timestamptz NOT NULL,
    decided_at timestamptz,
    as_of timestamptz,
    variant text,
    decision jsonb,
    CHECK ((decided_at IS NULL) = (decision IS NULL))
);

-- What was launched as a whole: the audience of a segment at one moment. Entries of triggers and journeys come one by one and have
-- no row here.
CREATE TABLE campaign_occurrences (
    campaign_id integer NOT NULL REFERENCES campaigns,
    occurrence bigint NOT NULL,
    step smallint NOT NULL DEFAULT 0,
    version smallint NOT NULL,
    segment_version integer,
    planned_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    targeted integer NOT NULL,
    control integer NOT NULL,
    launched_at timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, occurrence, step)
);

-- Device rows are made when a person is claimed, as sending: mark and claim are one commit before the call. retry_at is there only
-- while the device waits for another try, so that the usual way from sending to accepted touches no index. priority is that
-- of the campaign at that moment: 0 for service notices, which count for no cap, 1 for normal, 2 for high. fillfactor: a page has
-- room for all of its rows once more, longer by the name that the push service gave, so that outcomes stay on it.
DROP INDEX deliveries_due, deliveries_sent, deliveries_leased, deliveries_customer;

ALTER TABLE deliveries
    DROP CONSTRAINT deliveries_campaign_id_fkey,
    DROP CONSTRAINT deliveries_customer_id_fkey,
    DROP CONSTRAINT deliveries_device_id_fkey,
    DROP CONSTRAINT deliveries_state_check,
    DROP COLUMN leased_until,
    DROP COLUMN not_before,
    ALTER COLUMN state DROP DEFAULT,
    ADD COLUMN occurrence bigint NOT NULL DEFAULT 1,
    ADD COLUMN step smallint NOT NULL DEFAULT 0,
    ADD COLUMN priority smallint NOT NULL DEFAULT 1,
    ADD COLUMN retry_at timestamptz,
    ADD CONSTRAINT deliveries_state CHECK (state IN
        ('planned', 'sending', 'accepted', 'rejected', 'unknown', 'cancelled', 'expired', 'left_out')),
    ADD CONSTRAINT deliveries_waits CHECK ((retry_at IS NOT NULL) = (state = 'planned')),
    ADD CONSTRAINT deliveries_once UNIQUE (customer_id, campaign_id, occurrence, step, device_id),
    SET (fillfactor = 36);

CREATE INDEX deliveries_campaign ON deliveries (campaign_id);

CREATE INDEX deliveries_due ON deliveries (campaign_id, retry_at) WHERE retry_at IS NOT NULL;

-- A launch asks for everybody's pushes of the last week: rows lie in the order of their time, so that a few bytes a stretch of pages
-- save reading years of them, and a row that is marked costs next to nothing.
CREATE INDEX deliveries_sent ON deliveries USING brin (sent_at) WITH (pages_per_range = 32);

-- Who is sending what, and until when others leave it alone: one row a chunk of messages, gone when their outcomes are recorded.
CREATE TABLE send_attempts (
    attempt_id uuid PRIMARY KEY,
    campaign_id integer NOT NULL,
    leased_until timestamptz NOT NULL,
    delivery_ids bigint[] NOT NULL
);

-- triggers and journeys

-- How far the feeds that begin campaigns for people are read: the log, by seq, and changes of memberships, by change_id. Position and
-- entries are written by one transaction, so that nothing begins twice and nothing is passed over.
CREATE TABLE trigger_positions (
    feed text PRIMARY KEY CHECK (feed IN ('events', 'changes')),
    position bigint NOT NULL,
    read_at timestamptz NOT NULL
);

-- Who is under way in which campaign, on the version she entered. occurrence: the cause, an event, a change or a launch. step, lap
-- and waits: where she stands, see campaigns.journey. due_at: when to look again; until_at: of a wait for an event (waiting_for), its
-- end; since: events after this count; happened_at: it came. state: aside are those whose step always failed, with the reason.
-- way_kept: the steps she passed are still there one by one; what is old is only counted (journey_counts).
CREATE TABLE journey_entries (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id integer NOT NULL REFERENCES campaigns,
    customer_id bigint NOT NULL,
    occurrence bigint NOT NULL,
    version integer NOT NULL,
    step smallint NOT NULL DEFAULT 0,
    lap smallint NOT NULL DEFAULT 0,
    attempts smallint NOT NULL DEFAULT 0,
    waits boolean NOT NULL DEFAULT false,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'left', 'aside')),
    reason text,
    waiting_for text,
    since timestamptz,
    due_at timestamptz NOT NULL,
    until_at timestamptz,
    happened_at timestamptz,
    entered_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    way_kept boolean NOT NULL DEFAULT true,
    UNIQUE (campaign_id, customer_id, occurrence)
) WITH (fillfactor = 80);

-- Nobody is twice at the same time in a campaign, whoever lets her in.
CREATE UNIQUE INDEX journey_entries_once ON journey_entries (campaign_id, customer_id) WHERE state = 'waiting';

CREATE INDEX journey_entries_due ON journey_entries (campaign_id, due_at) WHERE state = 'waiting';

CREATE INDEX journey_entries_customer ON journey_entries (customer_id);

CREATE INDEX journey_entries_old ON journey_entries (changed_at) WHERE state = 'left' AND way_kept;

-- Every step that somebody passed, with the way out and what came of it: for counts, and to tell a person's way.
CREATE TABLE journey_visits (
    entry_id bigint NOT NULL,
    lap smallint NOT NULL,
    step smallint NOT NULL,
    version integer NOT NULL,
    campaign_id integer NOT NULL,
    at timestamptz NOT NULL,
    way text NOT NULL DEFAULT '',
    outcome text NOT NULL DEFAULT '',
    PRIMARY KEY (entry_id, lap, step)
);

CREATE INDEX journey_visits_counted ON journey_visits (campaign_id, version, step, way);

-- Visits that are told one by one no more, so that a campaign's figures stay.
CREATE TABLE journey_counts (
    campaign_id integer NOT NULL,
    version integer NOT NULL,
    step smallint NOT NULL,
    way text NOT NULL,
    outcome text NOT NULL,
    visits bigint NOT NULL,
    PRIMARY KEY (campaign_id, version, step, way, outcome)
);

-- inbox

-- What customers read in the inbox of the app: messages of the ledger, by their key there.
CREATE TABLE inbox_reads (
    customer_id bigint NOT NULL REFERENCES customers,
    campaign_id integer NOT NULL,
    occurrence bigint NOT NULL,
    step smallint NOT NULL,
    read_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, campaign_id, occurrence, step)
);

-- What an inbox may show: what was handed to the push service, and with the reason (kept_from) what was not. Never the control group,
-- nor whoever was left out of a campaign that was cancelled before anybody was sent anything: it was a mistake.
CREATE VIEW inbox_messages AS
SELECT
    p.customer_id, p.campaign_id, p.occurrence, p.step, p.version,
    CASE WHEN p.rest THEN coalesce(t.variant, p.variant) ELSE p.variant END AS variant, p.planned_at, p.merge_fields,
    p.arm IS NOT NULL AND p.state = 'handed' AS handed,
    CASE WHEN p.arm IS NULL THEN p.left_out WHEN p.state IN ('left_out', 'expired') THEN p.reason END AS kept_from
FROM campaign_people AS p
LEFT JOIN campaign_tests AS t USING (campaign_id)
WHERE p.arm = 'treated'
    OR (p.arm IS NULL AND NOT EXISTS (
        SELECT FROM campaigns AS c
        WHERE c.campaign_id = p.campaign_id AND c.state = 'cancelled'
            AND NOT EXISTS (SELECT FROM deliveries AS d WHERE d.campaign_id = c.campaign_id)
    ));
