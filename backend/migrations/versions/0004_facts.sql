-- Every table of before that is changed or referred to, before anything is.
LOCK TABLE coupons, exports, customers, segments;

-- What a shop says of a coupon beside its dates. stores: where it is valid, none named for everywhere. valid_days: so many
-- days after the day of its issue it can be used, the last one included. uses_per_person: null for no limit.
ALTER TABLE coupons
    ADD COLUMN stores text[] NOT NULL DEFAULT '{}',
    ADD COLUMN valid_days integer CHECK (valid_days BETWEEN 1 AND 3650),
    ADD COLUMN uses_per_person integer CHECK (uses_per_person BETWEEN 1 AND 1000000),
    ADD COLUMN description jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN created_by text NOT NULL DEFAULT '',
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN changed_by text NOT NULL DEFAULT '',
    ADD COLUMN archived_at timestamptz;

-- One giving out of a coupon, to one person or to many. valid_until is written into each issue and never changes with the
-- definition. people: to whom, counted when it was asked for; issued: how many have it by now.
CREATE TABLE coupon_issues (
    issue_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    coupon_id text NOT NULL REFERENCES coupons,
    target jsonb NOT NULL,
    valid_until date,
    people integer NOT NULL,
    unknown integer NOT NULL DEFAULT 0,
    issued integer NOT NULL DEFAULT 0,
    requested_at timestamptz NOT NULL,
    requested_by text NOT NULL,
    finished_at timestamptz
);

CREATE INDEX coupon_issues_open ON coupon_issues (issue_id) WHERE finished_at IS NULL;

CREATE INDEX coupon_issues_coupon ON coupon_issues (coupon_id, issue_id DESC);

-- Who is still to get it: a row goes away in the transaction that writes his event.
CREATE TABLE coupon_issue_people (
    issue_id bigint NOT NULL REFERENCES coupon_issues ON DELETE CASCADE,
    customer_id bigint NOT NULL,
    PRIMARY KEY (issue_id, customer_id)
);

-- Up to which business day coupons whose validity ended were written down as expired. What ended before the first run,
-- that is in somebody's imported past, is not announced.
CREATE TABLE coupon_expiry (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    first_day date NOT NULL,
    done_day date NOT NULL
);

-- Rank rules by version: a version is never changed. In force on a day is the highest version that has begun by then.
CREATE TABLE rank_rules (
    version integer PRIMARY KEY,
    valid_from date NOT NULL,
    rules jsonb NOT NULL,
    note text NOT NULL DEFAULT '',
    saved_at timestamptz NOT NULL,
    saved_by text NOT NULL
);

-- Why an export failed as a code too: pages say it in their own language. A process of the release before leaves it empty.
ALTER TABLE exports ADD COLUMN error_code text;

-- Life-cycle thresholds by version (days since the last purchase): a version is never changed. In force on a day is the one
-- that began last by then. derived: from the shop's own gaps; a version that a person set holds until he lets it go.
CREATE TABLE life_cycle_thresholds (
    version integer PRIMARY KEY,
    since date NOT NULL,
    t1 integer NOT NULL CHECK (t1 > 0),
    t2 integer NOT NULL CHECK (t2 > t1),
    t3 integer NOT NULL CHECK (t3 > t2),
    derived boolean NOT NULL,
    provisional boolean NOT NULL,
    saved_at timestamptz NOT NULL,
    saved_by text NOT NULL
);

-- Business days of which figures are to be kept. planned: its turn will come; started: a worker is at it until leased_until,
-- or died (undone: the next one goes on); done: every figure is kept. Days follow each other without a gap. failed: figures
-- that could not be worked out.
CREATE TABLE snapshot_runs (
    business_day date PRIMARY KEY,
    state text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'started', 'done')),
    planned_at timestamptz NOT NULL,
    attempt_id uuid,
    attempts integer NOT NULL DEFAULT 0,
    started_at timestamptz,
    leased_until timestamptz,
    finished_at timestamptz,
    figures integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0
);

CREATE INDEX snapshot_runs_open ON snapshot_runs (business_day) WHERE state <> 'done';

-- Figures as they stood at the end of a business day; never written anew, so that a trend tells what was known. choice: the KPI
-- with all its options; segment_id 0 is everyone; segment_version and definition say by which words the figure was made.
CREATE TABLE kpi_snapshots (
    choice text NOT NULL,
    segment_id integer NOT NULL,
    business_day date NOT NULL REFERENCES snapshot_runs (business_day),
    segment_version integer,
    definition text NOT NULL,
    window_first date NOT NULL,
    window_last date NOT NULL,
    numerator double precision NOT NULL,
    denominator bigint,
    value double precision,
    incomplete boolean NOT NULL,
    notes text[] NOT NULL DEFAULT '{}',
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (choice, segment_id, business_day)
);

CREATE INDEX kpi_snapshots_day ON kpi_snapshots (business_day);

-- Margin rates by version, in basis points of net sales: a version is never changed. In force on a day is the one that began
-- last by then, of equals the newest, so a rate is corrected by a version that begins on the same day. default_rate null:
-- the margin of what no category names is not known.
CREATE TABLE margin_rates (
    version integer PRIMARY KEY,
    valid_from date NOT NULL,
    default_rate integer CHECK (default_rate BETWEEN 0 AND 10000),
    categories jsonb NOT NULL DEFAULT '{}',
    saved_at timestamptz NOT NULL,
    saved_by text NOT NULL
);

-- Customers whose frame row was made anew and whose memberships were not looked at since: whoever leaves touched_customers
-- comes here in the same statement, so that no crash between frame and memberships loses anybody.
CREATE TABLE membership_queue (
    customer_id bigint PRIMARY KEY,
    queued_at timestamptz NOT NULL
);

-- The one who keeps memberships holds this row as long as he works: all he writes is one transaction that nobody else
-- can be in. everyone goes up when so many were touched that everybody is looked at again; as_of, seq: up to when facts
-- are in all memberships; changes_since: older changes were forgotten.
CREATE TABLE membership_writer (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    everyone bigint NOT NULL DEFAULT 0,
    as_of timestamptz,
    seq bigint NOT NULL DEFAULT 0,
    changes_since timestamptz
);

INSERT INTO membership_writer DEFAULT VALUES;

-- Who is in a segment: a bit a customer, in blocks of 8192 customer numbers; a block without members has no row.
-- segment_id 0 is everyone who can be reached by push (see docs/decisions/0020-membership-ledger.md).
CREATE TABLE segment_members (
    segment_id integer NOT NULL,
    block integer NOT NULL,
    bits bytea NOT NULL,
    PRIMARY KEY (segment_id, block)
) WITH (fillfactor = 85);

-- What segment_members were worked out by, and how many they are. basis: a digest of everything beside history that
-- decides (rule, settings, lists); moment: the day or minute for a rule that moves with time, empty for others; everyone:
-- membership_writer's. Where one of these differs, everybody is looked at again. since: when members were first known.
CREATE TABLE segment_states (
    segment_id integer PRIMARY KEY,
    version integer NOT NULL,
    basis text NOT NULL,
    moment text NOT NULL,
    everyone bigint NOT NULL,
    size bigint NOT NULL,
    reachable bigint NOT NULL,
    since timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);

-- Who entered and left, in the order of change_id, which only the holder of membership_writer gives out: whoever has read
-- up to a number never misses a lower one. cause: facts (something happened), time (a period moved on), rule (a new
-- version, another list, other settings), merge (two customers turned out to be one). Not partitioned: what is old is
-- taken from the lower end in small pieces. Without foreign keys, which would double what hundreds of thousands of rows at
-- once cost: neither segments nor customers are ever deleted.
CREATE TABLE segment_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    segment_id integer NOT NULL,
    version integer NOT NULL,
    customer_id bigint NOT NULL,
    at timestamptz NOT NULL,
    entered boolean NOT NULL,
    cause text NOT NULL CHECK (cause IN ('facts', 'time', 'rule', 'merge'))
);

-- Of one customer all is read: a key of his number alone takes a third of the room, and half the time to write.
CREATE INDEX segment_changes_customer ON segment_changes (customer_id);

CREATE INDEX segment_changes_segment ON segment_changes (segment_id, change_id);

-- How large a segment was at the end of each business day on which it changed (on the others: as on the one before), and
-- how often somebody entered and left.
CREATE TABLE segment_days (
    segment_id integer NOT NULL REFERENCES segments,
    business_day date NOT NULL,
    size bigint NOT NULL,
    reachable bigint NOT NULL,
    entered bigint NOT NULL,
    departed bigint NOT NULL,
    PRIMARY KEY (segment_id, business_day)
);

-- A rule that is being written: one a segment, which the live one does not know until it is published.
CREATE TABLE segment_drafts (
    segment_id integer PRIMARY KEY REFERENCES segments,
    rule jsonb NOT NULL,
    base_version integer NOT NULL,
    saved_at timestamptz NOT NULL,
    saved_by text NOT NULL
);

-- Lists of people that stay as they were put together. exclusion: whoever stands on one gets no campaign. revision goes up
-- with every change of who is on it.
CREATE TABLE static_lists (
    list_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    exclusion boolean NOT NULL DEFAULT false,
    origin text NOT NULL,
    -- Of a segment whose rule asks for raw history that was dropped: the first day of which it was there when the list was made.
    known_since date,
    revision bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    archived_at timestamptz
);

-- By the number that was known when they were put on it; who was merged since counts as his survivor.
CREATE TABLE static_list_members (
    list_id integer NOT NULL REFERENCES static_lists,
    customer_id bigint NOT NULL REFERENCES customers,
    PRIMARY KEY (list_id, customer_id)
);

CREATE INDEX static_list_members_customer ON static_list_members (customer_id);
