-- The access rules, one row a type. No row: nobody has replaced the defaults. They are read and replaced as
-- a whole, so they are kept as JSON, an array of {"role","resource","action","attributes"}.
CREATE TABLE access_rules (
    type  TEXT NOT NULL PRIMARY KEY,
    rules TEXT NOT NULL
) STRICT, WITHOUT ROWID;
