-- Confirmation of email addresses. A node of the previous version goes on writing users without these columns.

-- Whether a user may still confirm the address, and whether an administrator or a command created the user.
ALTER TABLE users ADD COLUMN confirmation_pending BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN address_vouched BOOLEAN NOT NULL DEFAULT FALSE;

-- Codes that confirm an address: SHA-256 of each. Times are milliseconds since 1970.
CREATE TABLE confirmation_codes (
    digest      BYTEA  NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    -- Null if no user waits for a code: the same is written then, so that time does not tell.
    user_number BIGINT REFERENCES users (number) ON DELETE CASCADE,
    created     BIGINT NOT NULL,
    expires     BIGINT NOT NULL
);

CREATE INDEX confirmation_codes_by_user ON confirmation_codes (user_number, expires);
CREATE INDEX confirmation_codes_by_expiry ON confirmation_codes (expires);
