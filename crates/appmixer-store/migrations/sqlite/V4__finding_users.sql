-- What lists, counts and searches of users go by. `fold_name` is the domain's form by which names compare.

-- The list by time of creation.
CREATE INDEX users_by_created ON users (created, number);

-- The names once more, with what each is to its user: they are the lists by username and by email as well.
CREATE TABLE names (
    folded      TEXT    NOT NULL PRIMARY KEY,
    user        INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    is_username INTEGER NOT NULL CHECK (is_username IN (0, 1)),
    is_email    INTEGER NOT NULL CHECK (is_email IN (0, 1))
) STRICT, WITHOUT ROWID;

INSERT INTO names
SELECT folded, user, folded = fold_name(users.username), folded = fold_name(users.email)
FROM login_names JOIN users ON users.number = login_names.user;

DROP TABLE login_names;

CREATE INDEX names_by_user ON names (user, folded);

-- A substring of a name. A row is a user's; each name ends with two line breaks, which stand in no name, so that each
-- of its characters begins a trigram.
CREATE VIRTUAL TABLE names_text USING fts5 (
    names, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1'
);

CREATE VIRTUAL TABLE names_terms USING fts5vocab (names_text, row);

INSERT INTO names_text (rowid, names)
SELECT user, group_concat(folded || char(10) || char(10), '') FROM names GROUP BY user;

-- What users can be filtered by, and how many there are of each. The one of kind `all` counts everybody.
CREATE TABLE facets (
    id    INTEGER PRIMARY KEY,
    kind  TEXT    NOT NULL CHECK (kind IN ('all', 'scope', 'plan', 'vendor', 'active')),
    value TEXT    NOT NULL,
    users INTEGER NOT NULL CHECK (users >= 0),
    UNIQUE (kind, value)
) STRICT;

-- The users of each facet, by time of creation.
CREATE TABLE user_facets (
    facet   INTEGER NOT NULL,
    created INTEGER NOT NULL,
    user    INTEGER NOT NULL,
    PRIMARY KEY (facet, created, user)
) STRICT, WITHOUT ROWID;

CREATE TEMP TABLE facets_of_users AS
SELECT 'scope' AS kind, scope.value AS value, created, number FROM users, json_each(users.scope) AS scope
UNION SELECT 'vendor', vendor.value, created, number FROM users, json_each(users.vendor) AS vendor
UNION ALL SELECT 'plan', plan, created, number FROM users
UNION ALL SELECT 'active', is_active, created, number FROM users;

INSERT INTO facets (id, kind, value, users) SELECT 1, 'all', '', count(*) FROM users;

INSERT INTO facets (kind, value, users)
SELECT kind, value, count(*) FROM facets_of_users GROUP BY kind, CAST(value AS TEXT);

INSERT INTO user_facets
SELECT facets.id, created, number
FROM facets_of_users AS found JOIN facets ON facets.kind = found.kind AND facets.value = CAST(found.value AS TEXT);

DROP TABLE facets_of_users;
DROP TABLE user_scopes;

-- Each of the three lists (0 by creation, 1 by username, 2 by email) in blocks of bounded length, with the number of
-- entries of each, so that a page deep in a list is found without walking there. A block begins with the entry
-- (key, user) and ends where the next begins; the first begins before every entry.
CREATE TABLE list_blocks (
    list    INTEGER NOT NULL,
    key     ANY     NOT NULL,
    user    INTEGER NOT NULL,
    entries INTEGER NOT NULL CHECK (entries >= 0),
    PRIMARY KEY (list, key, user)
) STRICT, WITHOUT ROWID;

-- The first write that comes divides these.
INSERT INTO list_blocks SELECT 0, -9223372036854775808, 0, count(*) FROM users;
INSERT INTO list_blocks SELECT 1, '', 0, count(*) FROM users;
INSERT INTO list_blocks SELECT 2, '', 0, count(*) FROM users;
