-- Every table of before that is changed, before anything is.
LOCK TABLE customers, consents, devices, deliveries;

-- How people stand, each different way once: what the gates ask of customers, consents and devices. A word is null where none was said.
-- Number 0 is not given out: in a block it says that a person is to be read anew.
CREATE TABLE standing_kinds (
    kind integer PRIMARY KEY CHECK (kind BETWEEN 1 AND 65535),
    gone boolean NOT NULL,
    marketing boolean,
    service boolean,
    devices integer NOT NULL,
    language text,
    zone text,
    has_family_name boolean NOT NULL,
    has_given_name boolean NOT NULL
);

-- Everybody's standing by number, 65,536 customers a row, little-endian. kinds: two bytes each. The rest: seconds since 1970, four bytes each,
-- of the push that fills a cap (the cap_day-th newest, the cap_week-th newest) among those of class 1 and above, and of class 2; 0 where
-- so many are not known since pushes_since; null where that is so of everybody. Not compressed: reading it all is what it is for.
CREATE TABLE standing_blocks (
    block integer PRIMARY KEY,
    kinds bytea NOT NULL,
    cap_day integer NOT NULL,
    cap_week integer NOT NULL,
    pushes_since timestamptz NOT NULL,
    day_1 bytea,
    week_1 bytea,
    day_2 bytea,
    week_2 bytea
);

ALTER TABLE standing_blocks ALTER kinds SET STORAGE EXTERNAL, ALTER day_1 SET STORAGE EXTERNAL, ALTER week_1 SET STORAGE EXTERNAL,
    ALTER day_2 SET STORAGE EXTERNAL, ALTER week_2 SET STORAGE EXTERNAL;

-- Whose standing has changed since their block was written: the triggers below write it in the transaction of the change, whoever makes it.
-- No key, so that no writer ever waits for another. pushes: it was a push, and nothing else.
CREATE TABLE standing_changes (
    customer_id bigint NOT NULL,
    pushes boolean NOT NULL
);

-- Who was added to a table, or went from it.
CREATE FUNCTION note_standing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO standing_changes SELECT customer_id, TG_ARGV[0]::boolean FROM changed;
    RETURN NULL;
END
$$;

CREATE FUNCTION note_customers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO standing_changes
    SELECT n.customer_id, false FROM was AS o JOIN changed AS n USING (customer_id)
    WHERE (o.merged_into, o.erased_at, o.traits) IS DISTINCT FROM (n.merged_into, n.erased_at, n.traits);
    RETURN NULL;
END
$$;

CREATE FUNCTION note_consents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO standing_changes
    SELECT unnest(ARRAY[o.customer_id, n.customer_id]), false
    FROM was AS o FULL JOIN changed AS n USING (customer_id, purpose, channel)
    WHERE o.granted IS DISTINCT FROM n.granted;
    RETURN NULL;
END
$$;

-- That a device was seen matters only where the same person has another that says something else: which is the newer one.
CREATE FUNCTION note_devices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO standing_changes
    SELECT unnest(ARRAY[o.customer_id, n.customer_id]), false
    FROM was AS o JOIN changed AS n USING (device_id)
    WHERE (o.customer_id, o.state, o.permission, o.locale, o.time_zone) IS DISTINCT FROM (n.customer_id, n.state, n.permission, n.locale, n.time_zone)
        OR (o.last_seen <> n.last_seen AND EXISTS (
            SELECT FROM devices AS d
            WHERE d.customer_id = n.customer_id AND d.device_id <> n.device_id
                AND (d.locale, d.time_zone) IS DISTINCT FROM (n.locale, n.time_zone)
        ));
    RETURN NULL;
END
$$;

CREATE FUNCTION note_push() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO standing_changes SELECT unnest(ARRAY[OLD.customer_id, NEW.customer_id]), true;
    RETURN NULL;
END
$$;

CREATE TRIGGER customers_added AFTER INSERT ON customers REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_standing('false');

CREATE TRIGGER customers_changed AFTER UPDATE ON customers REFERENCING OLD TABLE AS was NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_customers();

CREATE TRIGGER customers_deleted AFTER DELETE ON customers REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_standing('false');

CREATE TRIGGER consents_added AFTER INSERT ON consents REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_standing('false');

CREATE TRIGGER consents_changed AFTER UPDATE ON consents REFERENCING OLD TABLE AS was NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_consents();

CREATE TRIGGER consents_deleted AFTER DELETE ON consents REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_standing('false');

CREATE TRIGGER devices_added AFTER INSERT ON devices REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_standing('false');

CREATE TRIGGER devices_changed AFTER UPDATE ON devices REFERENCING OLD TABLE AS was NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_devices();

CREATE TRIGGER devices_deleted AFTER DELETE ON devices REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_standing('false');

CREATE TRIGGER deliveries_added AFTER INSERT ON deliveries REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_standing('true');

CREATE TRIGGER deliveries_deleted AFTER DELETE ON deliveries REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_standing('true');

-- A row at a time, and only where it was: the answers of the push service change no moment of sending.
CREATE TRIGGER deliveries_changed AFTER UPDATE ON deliveries FOR EACH ROW
    WHEN ((OLD.sent_at, OLD.customer_id, OLD.priority) IS DISTINCT FROM (NEW.sent_at, NEW.customer_id, NEW.priority))
    EXECUTE FUNCTION note_push();
