-- Codes for forgotten passwords: SHA-256 of each. Times are milliseconds since 1970.
CREATE TABLE reset_codes (
    digest     BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    -- Null for those who asked and do not exist: the same is written for them, so that time tells nothing.
    user       INTEGER REFERENCES users (number) ON DELETE CASCADE,
    -- The user's token generation when the code was made.
    generation INTEGER NOT NULL,
    expires    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX reset_codes_by_user ON reset_codes (user, expires);
CREATE INDEX reset_codes_by_expiry ON reset_codes (expires);

-- Whatever ends a user's tokens ends its codes: a new password, a revocation.
CREATE TRIGGER reset_codes_end_with_tokens AFTER UPDATE OF generation ON users
WHEN new.generation <> old.generation
BEGIN
    DELETE FROM reset_codes WHERE user = new.number;
END;

-- Messages that wait for delivery. One that carries a code goes with the code.
CREATE TABLE outbox (
    id       BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 12),
    channel  TEXT    NOT NULL,
    -- JSON.
    payload  TEXT    NOT NULL,
    code     BLOB    REFERENCES reset_codes (digest) ON DELETE CASCADE,
    created  INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    -- When it is tried next; while somebody delivers it, when it is somebody else's turn.
    due      INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    error    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_by_due ON outbox (channel, due);
CREATE INDEX outbox_by_code ON outbox (code);
