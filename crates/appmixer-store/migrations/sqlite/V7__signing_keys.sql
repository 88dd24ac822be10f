-- The keys that sign tokens, oldest first. Times are milliseconds since 1970.
CREATE TABLE signing_keys (
    number    INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE,
    algorithm TEXT    NOT NULL,
    -- The private part, sealed under a secret that is not in here; empty for the configuration's own secrets.
    sealed    BLOB    NOT NULL,
    created   INTEGER NOT NULL,
    activates INTEGER NOT NULL,
    ends      INTEGER
) STRICT;

-- What signs until there is another key.
INSERT INTO signing_keys (number, id, algorithm, sealed, created, activates, ends)
VALUES (0, 'configuration', 'HS256', x'', 0, 0, NULL);
