-- Users who were never active may still confirm the address. In a transaction of its own, which locks rows alone.

-- An inactive user was never active if the audit log has the whole life of the user, and no change of it in there. Of
-- others it is not known whether an administrator has deactivated them.
UPDATE users SET confirmation_pending = TRUE WHERE NOT is_active AND id IN (
    SELECT subject FROM audit WHERE kind = 'user-created'
    UNION ALL SELECT subject FROM audit_arrivals WHERE kind = 'user-created'
) AND id NOT IN (
    SELECT subject FROM audit
    WHERE kind = 'user-changed' AND details LIKE '%"isActive"%' AND subject IS NOT NULL
    UNION ALL SELECT subject FROM audit_arrivals
    WHERE kind = 'user-changed' AND details LIKE '%"isActive"%' AND subject IS NOT NULL
);

-- The facet is the first half of SHA-256 of `pending:1`.
INSERT INTO user_facets (facet, created, user_number)
SELECT CAST('\x83add52f14d5ffd9cdceaad5b92078f0' AS BYTEA), created, number FROM users WHERE confirmation_pending;

INSERT INTO facet_counts (facet, slot, users)
SELECT CAST('\x83add52f14d5ffd9cdceaad5b92078f0' AS BYTEA), 0, count(*) FROM users WHERE confirmation_pending;
