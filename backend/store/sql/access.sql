-- name: insert_admin
-- Fails on a second account with the same address, whatever its case.
INSERT INTO admins (email, name, role, language, password_hash, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING admin_id, email, name, role, language, created_at, disabled_at;

-- name: list_admins
-- With the moment of the newest session, so that forgotten accounts are seen.
SELECT a.admin_id, a.email, a.name, a.role, a.language, a.created_at, a.disabled_at,
       (SELECT max(s.last_seen) FROM admin_sessions AS s WHERE s.admin_id = a.admin_id) AS last_seen
FROM admins AS a
ORDER BY a.disabled_at IS NOT NULL, lower(a.email);

-- name: find_admin
-- What sign-in needs, also for a disabled account: the answer must not tell the two apart.
SELECT admin_id, email, name, role, language, created_at, disabled_at, password_hash
FROM admins
WHERE lower(email) = lower($1);

-- name: get_admin
-- One account by its number, with the hash: a person who changes the password proves the old one.
SELECT admin_id, email, name, role, language, created_at, disabled_at, password_hash
FROM admins
WHERE admin_id = $1;

-- name: count_active_administrators
-- The last one may neither be disabled nor lose the role; the lock makes two such changes wait for each other.
SELECT admin_id
FROM admins
WHERE role = 'administrator' AND disabled_at IS NULL
ORDER BY admin_id
FOR UPDATE;

-- name: set_role
UPDATE admins SET role = $2 WHERE admin_id = $1;

-- name: set_disabled
UPDATE admins SET disabled_at = $2 WHERE admin_id = $1;

-- name: set_language
UPDATE admins SET language = $2 WHERE admin_id = $1;

-- name: set_password_hash
UPDATE admins SET password_hash = $2 WHERE admin_id = $1;

-- name: insert_session
INSERT INTO admin_sessions (token_hash, admin_id, csrf_key, created_at, last_seen)
VALUES ($1, $2, $3, $4, $4);

-- name: find_session
-- A session lives while it is used ($2: seen after) and never longer than its absolute limit ($3: created after).
SELECT s.token_hash, s.csrf_key, s.created_at, s.last_seen,
       a.admin_id, a.email, a.name, a.role, a.language, a.created_at AS admin_created_at
FROM admin_sessions AS s
JOIN admins AS a USING (admin_id)
WHERE s.token_hash = $1
  AND s.ended_at IS NULL
  AND s.last_seen > $2
  AND s.created_at > $3
  AND a.disabled_at IS NULL;

-- name: touch_session
-- Called at most once a minute a session: a page view should not cost a write.
UPDATE admin_sessions SET last_seen = $2 WHERE token_hash = $1 AND last_seen < $2;

-- name: end_session
UPDATE admin_sessions SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL;

-- name: end_sessions
-- All of one account's sessions but the one that asks ($2; null ends all).
UPDATE admin_sessions SET ended_at = $3
WHERE admin_id = $1 AND ended_at IS NULL AND token_hash IS DISTINCT FROM $2;

-- name: delete_old_sessions
DELETE FROM admin_sessions WHERE created_at < $1;

-- name: lock_subject
-- Attempts on one subject take turns, so that a volley of parallel requests cannot slip past the count.
SELECT pg_advisory_xact_lock(hashtextextended('sign_in:' || $1, 0));

-- name: count_failures
SELECT count(*) FROM sign_in_failures WHERE subject = $1 AND failed_at > $2;

-- name: insert_failure
INSERT INTO sign_in_failures (subject, failed_at) VALUES ($1, $2);

-- name: forget_failures
DELETE FROM sign_in_failures WHERE subject = $1;

-- name: delete_old_failures
DELETE FROM sign_in_failures WHERE failed_at < $1;

-- name: write_audit
INSERT INTO audit_log (at, actor, action, object, detail) VALUES ($1, $2, $3, $4, $5);
