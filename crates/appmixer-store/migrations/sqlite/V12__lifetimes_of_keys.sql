-- The longest lifetime of a token that a key may have signed, in seconds.
ALTER TABLE signing_keys ADD COLUMN lifetime INTEGER NOT NULL DEFAULT 0;

-- Nothing has recorded it for the keys of a database that is in use: 30 days is what it is unless it was configured.
UPDATE signing_keys SET lifetime = 2592000 WHERE EXISTS (SELECT 1 FROM users);
