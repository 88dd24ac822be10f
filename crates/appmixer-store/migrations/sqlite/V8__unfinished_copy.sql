-- A row while the database is a copy of another one that is not finished and verified: it is not to be served.
CREATE TABLE unfinished_copy (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    -- A digest by which the database that is copied is known again.
    source BLOB    NOT NULL CHECK (length(source) = 32)
) STRICT;
