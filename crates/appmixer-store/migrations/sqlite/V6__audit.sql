-- Who did what, from where, and when; oldest first, and no id is used twice. Times are milliseconds since 1970.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    time    INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    -- The user who did it, or the operating system's number of whoever ran a command, or nobody known.
    actor   BLOB    CHECK (length(actor) = 12),
    uid     INTEGER CHECK (uid IS NULL OR actor IS NULL),
    address TEXT,
    -- The user to whom it was done. No reference: users go, and what was done stays.
    user    BLOB    CHECK (length(user) = 12),
    -- JSON.
    details TEXT    NOT NULL
) STRICT;

-- Each ends, as SQLite's indexes do, with the id: the order of the log.
CREATE INDEX audit_by_time ON audit (time);
CREATE INDEX audit_by_kind ON audit (kind, time);
CREATE INDEX audit_by_actor ON audit (actor, kind, time) WHERE actor IS NOT NULL;
-- Without what users do to themselves, which is most of it, and found by the actor.
CREATE INDEX audit_by_user ON audit (user, kind, time) WHERE user IS NOT actor;
