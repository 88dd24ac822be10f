-- Confirmation of email addresses. Times are milliseconds since 1970.

-- Whether a user may still confirm the address, and whether an administrator or a command created the user.
ALTER TABLE users ADD COLUMN confirmation_pending INTEGER NOT NULL DEFAULT 0 CHECK (confirmation_pending IN (0, 1));
ALTER TABLE users ADD COLUMN address_vouched INTEGER NOT NULL DEFAULT 0 CHECK (address_vouched IN (0, 1));

-- An inactive user was never active if the audit log has the whole life of the user, and no change of it in there. Of
-- others it is not known whether an administrator has deactivated them.
UPDATE users SET confirmation_pending = 1 WHERE is_active = 0
AND id IN (SELECT user FROM audit WHERE kind = 'user-created')
AND id NOT IN (
    SELECT user FROM audit WHERE kind = 'user-changed' AND details LIKE '%"isActive"%' AND user IS NOT NULL
);

-- Facets of any kind.
CREATE TABLE new_facets (
    id    INTEGER PRIMARY KEY,
    kind  TEXT    NOT NULL,
    value TEXT    NOT NULL,
    users INTEGER NOT NULL CHECK (users >= 0),
    UNIQUE (kind, value)
) STRICT;

INSERT INTO new_facets SELECT id, kind, value, users FROM facets;
DROP TABLE facets;
ALTER TABLE new_facets RENAME TO facets;

INSERT INTO facets (kind, value, users)
SELECT 'pending', '1', count(*) FROM users WHERE confirmation_pending HAVING count(*) > 0;

INSERT INTO user_facets (facet, created, user)
SELECT facets.id, users.created, users.number FROM users JOIN facets ON facets.kind = 'pending'
WHERE users.confirmation_pending;

-- Codes that confirm an address: SHA-256 of each.
CREATE TABLE confirmation_codes (
    digest  BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    -- Null if no user waits for a code: the same is written then, so that time does not tell.
    user    INTEGER REFERENCES users (number) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX confirmation_codes_by_user ON confirmation_codes (user, expires);
CREATE INDEX confirmation_codes_by_expiry ON confirmation_codes (expires);

-- A message that carries a code is removed with the code.
ALTER TABLE outbox ADD COLUMN confirmation_code BLOB REFERENCES confirmation_codes (digest) ON DELETE CASCADE;
CREATE INDEX outbox_by_confirmation_code ON outbox (confirmation_code);

-- The server removes codes together with the change that ends them.
DROP TRIGGER reset_codes_end_with_tokens;
