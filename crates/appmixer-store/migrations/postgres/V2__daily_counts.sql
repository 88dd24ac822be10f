-- How often something was done on a day (UTC), as the number of days since 1970. The log's entries go by and by; these
-- stay. A key is ((day * 16 + place of the kind) * 16 + slot): nodes that count at once mostly find a row of their own.
CREATE TABLE daily_counts (
    id     BIGINT NOT NULL PRIMARY KEY,
    day    BIGINT NOT NULL,
    kind   TEXT   NOT NULL,
    number BIGINT NOT NULL CHECK (number >= 0)
);

-- What the log still has, and what is about to be taken into it.
INSERT INTO daily_counts (id, day, kind, number)
SELECT (day * 16 + CASE kind WHEN 'sign-in' THEN 0 WHEN 'sign-in-failed' THEN 1 ELSE 2 END) * 16, day, kind, count(*)
FROM (
    SELECT time / 86400000 AS day, kind FROM audit
    UNION ALL SELECT time / 86400000, kind FROM audit_arrivals
) AS noted
WHERE kind IN ('sign-in', 'sign-in-failed', 'user-created') GROUP BY day, kind;
