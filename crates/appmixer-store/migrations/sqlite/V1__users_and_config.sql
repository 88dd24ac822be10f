-- A user. Lists are JSON; times are milliseconds since 1970.
CREATE TABLE users (
    number                     INTEGER PRIMARY KEY,
    id                         BLOB    NOT NULL UNIQUE CHECK (length(id) = 12),
    username                   TEXT    NOT NULL,
    email                      TEXT    NOT NULL,
    password_hash              TEXT    NOT NULL,
    scope                      TEXT    NOT NULL,
    plan                       TEXT    NOT NULL,
    is_active                  INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    vendor                     TEXT,
    allowed_private_components TEXT    NOT NULL,
    phone_number               TEXT,
    title                      TEXT,
    metadata                   TEXT    NOT NULL,
    created                    INTEGER NOT NULL,
    modified                   INTEGER NOT NULL,
    generation                 INTEGER NOT NULL CHECK (generation >= 0)
) STRICT;

-- Usernames and email addresses share one namespace: a user has one row here, or two.
CREATE TABLE login_names (
    folded TEXT    NOT NULL PRIMARY KEY,
    user   INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX login_names_by_user ON login_names (user);

-- The scopes once more, to find those who have one.
CREATE TABLE user_scopes (
    scope TEXT    NOT NULL,
    user  INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    PRIMARY KEY (scope, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_scopes_by_user ON user_scopes (user);

-- The system configuration; values are JSON.
CREATE TABLE config (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
