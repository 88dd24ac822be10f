-- How often something was done on a day (UTC), as the number of days since 1970. The log's entries go by and by; these
-- stay. A key is ((day * 16 + place of the kind) * 16 + slot); a file has one slot, where other databases have several.
CREATE TABLE daily_counts (
    id     INTEGER NOT NULL PRIMARY KEY,
    day    INTEGER NOT NULL,
    kind   TEXT    NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 0)
) STRICT;

-- What the log still has.
INSERT INTO daily_counts (id, day, kind, number)
SELECT (time / 86400000 * 16 + CASE kind WHEN 'sign-in' THEN 0 WHEN 'sign-in-failed' THEN 1 ELSE 2 END) * 16,
    time / 86400000, kind, count(*)
FROM audit WHERE kind IN ('sign-in', 'sign-in-failed', 'user-created') GROUP BY kind, time / 86400000;
