-- What became of deleted users, for those who hold a ticket. Times are milliseconds since 1970.
CREATE TABLE deletions (
    ticket  BLOB    NOT NULL PRIMARY KEY CHECK (length(ticket) = 12),
    user    BLOB    NOT NULL CHECK (length(user) = 12),
    deleted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX deletions_by_time ON deletions (deleted);
