-- Parts of names of five characters instead of three: so few names share one that finding a pattern costs the same
-- however many names there are. `grams` gives those of a name, with a space between them, which stands in no name; every
-- other character of a name is one of a term. What is deleted has to be told: a table of its own for that would cost a
-- third more.
DROP TABLE names_terms;
DROP TABLE names_text;

CREATE VIRTUAL TABLE names_text USING fts5 (
    names, content = '', columnsize = 0,
    tokenize = 'ascii tokenchars ''!"#$%&''''()*+,-./:;<=>?@[\]^_`{|}~'''
);

INSERT INTO names_text (rowid, names) SELECT user, group_concat(grams(folded), '') FROM names GROUP BY user;
INSERT INTO names_text (names_text) VALUES ('optimize');
