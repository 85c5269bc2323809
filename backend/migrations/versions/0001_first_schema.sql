-- Where events come from. A public key (kind app) may append and nothing else; the rest are secrets, kept as hashes.
CREATE TABLE sources (
    source_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 100),
    kind text NOT NULL CHECK (kind IN ('app', 'server', 'import', 'system')),
    key_hash bytea UNIQUE,
    public_key text CHECK (public_key IS NULL OR kind = 'app'),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

INSERT INTO sources (name, kind) VALUES ('joren', 'system'), ('import', 'import');

-- Every id ever accepted, as a 128-bit digest of (source, messageId): the dedupe window.
CREATE TABLE event_ids (
    event_id uuid PRIMARY KEY,
    source_id integer NOT NULL,
    received_day date NOT NULL
);

CREATE INDEX event_ids_received_day ON event_ids (received_day);

-- The intake log: what was acknowledged, as it came. Partitioned so that old days are dropped, never deleted.
CREATE TABLE event_log (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    received_day date NOT NULL,
    received_at timestamptz NOT NULL,
    source_id integer NOT NULL,
    trusted boolean NOT NULL,
    message_id text NOT NULL,
    type text NOT NULL,
    event text,
    user_id text,
    anonymous_id text,
    occurred_at timestamptz NOT NULL,
    original_at timestamptz,
    sent_at timestamptz,
    time_rule text NOT NULL,
    payload json NOT NULL
) PARTITION BY RANGE (received_day);

CREATE INDEX event_log_seq ON event_log (seq);

CREATE TABLE event_log_rest PARTITION OF event_log DEFAULT;

-- What could not become an event: nothing that was acknowledged is thrown away.
CREATE TABLE failed_events (
    failed_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    source_id integer NOT NULL,
    received_at timestamptz NOT NULL,
    code text NOT NULL,
    reason text NOT NULL,
    raw bytea NOT NULL
);

CREATE INDEX failed_events_received_at ON failed_events (received_at DESC);

-- How much came, per day, source and name: each transaction of the intake adds its own rows (no row is contended),
-- and they are folded into one per name now and then. name is the event of a track call, else the call's type.
CREATE TABLE event_counts (
    received_day date NOT NULL,
    source_id integer NOT NULL,
    name text NOT NULL,
    stored bigint NOT NULL,
    repeated bigint NOT NULL,
    failed bigint NOT NULL,
    last_at timestamptz NOT NULL
);

-- People. Names, mail and external ids live here and nowhere else.
CREATE TABLE customers (
    customer_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id text UNIQUE,
    created_at timestamptz NOT NULL,
    born_source_id integer NOT NULL,
    born_anonymous_id text,
    known_to_shop boolean NOT NULL DEFAULT false,
    merged_into bigint REFERENCES customers,
    traits jsonb NOT NULL DEFAULT '{}',
    traits_at timestamptz,
    trait_times jsonb NOT NULL DEFAULT '{}',
    test_account boolean NOT NULL DEFAULT false,
    display_name text GENERATED ALWAYS AS (left(coalesce(
        nullif(btrim(
            coalesce(traits ->> 'family_name', traits ->> 'last_name', traits ->> 'lastName', '') || ' ' ||
            coalesce(traits ->> 'given_name', traits ->> 'first_name', traits ->> 'firstName', '')), ''),
        nullif(btrim(traits ->> 'name'), '')), 200)) STORED,
    email text GENERATED ALWAYS AS (left(traits ->> 'email', 320)) STORED
);

-- Search by the beginning of a member number, a name (blanks apart) or a mail address.
CREATE INDEX customers_user_id_begins ON customers (lower(left(user_id, 200)) text_pattern_ops);

CREATE INDEX customers_name_begins ON customers (lower(replace(display_name, ' ', '')) text_pattern_ops);

CREATE INDEX customers_email_begins ON customers (lower(email) text_pattern_ops);

CREATE INDEX customers_merged_into ON customers (merged_into) WHERE merged_into IS NOT NULL;

-- Who is whom: a map applied when history is reduced, so that a merge rewrites nothing.
-- proven: a trusted source or the customer's own birth tied this id to the customer.
CREATE TABLE identities (
    kind text NOT NULL CHECK (kind IN ('user', 'anonymous')),
    value text NOT NULL,
    customer_id bigint NOT NULL REFERENCES customers,
    proven boolean NOT NULL,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (kind, value)
);

CREATE INDEX identities_customer ON identities (customer_id);

-- Push addresses. Only state live is ever sent to; unproven waits for a proof that the device is the customer's.
-- device_key: what the lake calls the device. proven_for: customers whose it was by a proof, now or before.
CREATE TABLE devices (
    device_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address text NOT NULL UNIQUE CHECK (char_length(address) BETWEEN 1 AND 4096),
    address_kind text NOT NULL CHECK (address_kind IN ('token', 'fid')),
    customer_id bigint NOT NULL REFERENCES customers,
    source_id integer NOT NULL,
    anonymous_id text,
    platform text CHECK (platform IN ('ios', 'android', 'web')),
    app_version text,
    locale text,
    time_zone text,
    permission text NOT NULL DEFAULT 'unknown' CHECK (permission IN ('granted', 'denied', 'unknown')),
    state text NOT NULL CHECK (state IN ('live', 'unproven', 'signed_out', 'retired')),
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    retired_at timestamptz,
    retired_reason text,
    device_key bigint,
    proven_for bigint[] NOT NULL DEFAULT '{}'
);

CREATE INDEX devices_customer ON devices (customer_id);

-- The latest word of each person per purpose and channel.
CREATE TABLE consents (
    customer_id bigint NOT NULL REFERENCES customers,
    purpose text NOT NULL,
    channel text NOT NULL,
    granted boolean NOT NULL,
    source_id integer NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, purpose, channel)
);

-- Which events are whose, for the customer's page: (received_day, seq) finds the row of the log.
CREATE TABLE customer_timeline (
    customer_id bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    seq bigint NOT NULL,
    received_day date NOT NULL,
    PRIMARY KEY (customer_id, occurred_at, seq)
);

-- One writer at a time moves the log into the lake; the epoch fences a writer that woke up late.
CREATE TABLE refresh_writer (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    epoch bigint NOT NULL DEFAULT 0,
    taken_at timestamptz
);

INSERT INTO refresh_writer DEFAULT VALUES;

-- The refresh ledger: a batch is a range of the log, planned before and done after the lake has it. projected_at: people,
-- devices and consents hold what it says.
CREATE TABLE refresh_batches (
    batch bigint PRIMARY KEY,
    after_seq bigint NOT NULL,
    upto_seq bigint NOT NULL CHECK (upto_seq >= after_seq),
    events bigint,
    planned_at timestamptz NOT NULL,
    projected_at timestamptz,
    done_at timestamptz
);

-- Customers whose frame row must be made anew although no event says so (an address retired, a trait mended).
CREATE TABLE touched_customers (
    customer_id bigint PRIMARY KEY,
    touched_at timestamptz NOT NULL
);

-- What the shop decided about itself: calendar, currency, quiet hours, caps. One row a key.
CREATE TABLE shop_settings (
    key text PRIMARY KEY,
    value jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL
);

CREATE TABLE coupons (
    coupon_id text PRIMARY KEY,
    title jsonb NOT NULL,
    valid_from date,
    valid_until date,
    audience text NOT NULL DEFAULT 'public' CHECK (audience IN ('public', 'issued'))
);

CREATE TABLE stores (
    store_id text PRIMARY KEY,
    name jsonb NOT NULL,
    prefecture text
);

CREATE TABLE segments (
    segment_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 100),
    version integer NOT NULL DEFAULT 1,
    archived_at timestamptz,
    created_at timestamptz NOT NULL
);

CREATE TABLE segment_versions (
    segment_id integer NOT NULL REFERENCES segments,
    version integer NOT NULL,
    rule jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (segment_id, version)
);

CREATE TABLE campaigns (
    campaign_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 100),
    state text NOT NULL CHECK (state IN ('draft', 'scheduled', 'sending', 'paused', 'sent', 'cancelled')),
    segment_id integer NOT NULL REFERENCES segments,
    segment_version integer,
    content jsonb NOT NULL,
    holdout_percent numeric(5, 2) NOT NULL DEFAULT 5 CHECK (holdout_percent BETWEEN 0 AND 90),
    salt text NOT NULL,
    policy text NOT NULL DEFAULT 'once' CHECK (policy IN ('once', 'surely')),
    conversion_event text NOT NULL,
    conversion_days integer NOT NULL CHECK (conversion_days BETWEEN 1 AND 90),
    scheduled_at timestamptz,
    expires_after interval NOT NULL DEFAULT '24 hours',
    planned_at timestamptz,
    expires_at timestamptz,
    finished_at timestamptz,
    paused_reason text,
    targeted integer NOT NULL DEFAULT 0,
    control integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    revision integer NOT NULL DEFAULT 1
);

-- One row a person of the target: who was left out and why, who is control, who is to get it. Decided once, at launch.
CREATE TABLE campaign_people (
    campaign_id integer NOT NULL REFERENCES campaigns,
    customer_id bigint NOT NULL REFERENCES customers,
    arm text CHECK (arm IN ('treated', 'control')),
    left_out text,
    planned_at timestamptz NOT NULL,
    merge_fields jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (campaign_id, customer_id)
);

CREATE INDEX campaign_people_customer ON campaign_people (customer_id);

-- The send ledger, one row a device. sending is committed before the call; unknown is an outcome, not a fault.
-- sent_at is the moment of the latest try that was or may have been accepted; the frequency cap counts it.
CREATE TABLE deliveries (
    delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id integer NOT NULL REFERENCES campaigns,
    customer_id bigint NOT NULL REFERENCES customers,
    device_id bigint NOT NULL REFERENCES devices,
    state text NOT NULL DEFAULT 'planned' CHECK (state IN
        ('planned', 'claimed', 'sending', 'accepted', 'rejected', 'unknown', 'cancelled', 'expired', 'left_out')),
    reason text,
    not_before timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    attempt_id uuid,
    leased_until timestamptz,
    sent_at timestamptz,
    message_name text,
    error_code text,
    changed_at timestamptz NOT NULL,
    UNIQUE (campaign_id, customer_id, device_id)
);

CREATE INDEX deliveries_due ON deliveries (campaign_id, not_before, delivery_id) WHERE state = 'planned';

CREATE INDEX deliveries_sent ON deliveries (customer_id, sent_at) WHERE sent_at IS NOT NULL OR state = 'claimed';

CREATE INDEX deliveries_leased ON deliveries (leased_until) WHERE state IN ('claimed', 'sending');

CREATE INDEX deliveries_customer ON deliveries (customer_id, changed_at);

-- Sends to one's own phone: they skip quiet hours and cap, count nowhere, and are kept for the record.
CREATE TABLE test_sends (
    test_send_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id integer NOT NULL REFERENCES campaigns,
    customer_id bigint NOT NULL REFERENCES customers,
    device_id bigint NOT NULL REFERENCES devices,
    outcome text NOT NULL,
    message_name text,
    sent_by text NOT NULL,
    sent_at timestamptz NOT NULL
);

CREATE TABLE admins (
    admin_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('administrator', 'marketer', 'viewer')),
    language text NOT NULL DEFAULT 'ja' CHECK (language IN ('ja', 'en')),
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz
);

CREATE UNIQUE INDEX admins_email ON admins (lower(email));

CREATE TABLE admin_sessions (
    token_hash bytea PRIMARY KEY,
    admin_id integer NOT NULL REFERENCES admins,
    csrf_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    ended_at timestamptz
);

-- Failed sign-ins by account and by network, counted across processes.
CREATE TABLE sign_in_failures (
    subject text NOT NULL,
    failed_at timestamptz NOT NULL
);

CREATE INDEX sign_in_failures_subject ON sign_in_failures (subject, failed_at);

-- Keys of server programs that read and steer through the API.
CREATE TABLE api_keys (
    api_key_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    key_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    last_used timestamptz,
    revoked_at timestamptz
);

CREATE TABLE audit_log (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);

-- Where events in bulk are laid down for the length of one transaction, to be moved into the log by one statement.
CREATE UNLOGGED TABLE staged_events (
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    source_id integer NOT NULL,
    trusted boolean NOT NULL,
    message_id text NOT NULL,
    type text NOT NULL,
    event text,
    user_id text,
    anonymous_id text,
    occurred_at timestamptz NOT NULL,
    payload json NOT NULL
);

-- Files taken in: a file that was imported before is recognised, a run that stopped goes on where it was.
CREATE TABLE imports (
    import_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('events', 'orders', 'demo')),
    file_name text NOT NULL,
    digest bytea NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    rows_read bigint NOT NULL DEFAULT 0,
    rows_stored bigint NOT NULL DEFAULT 0,
    rows_repeated bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    parts_done integer NOT NULL DEFAULT 0,
    rejects_file text
);
