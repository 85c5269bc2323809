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
