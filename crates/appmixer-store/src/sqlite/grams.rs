//! The text index: a name is kept as the short texts, *grams*, that begin at each of its characters, and a pattern is
//! looked for by its own.
//!
//! A gram has [`LENGTH`] characters, or fewer where the name ends before. So few names share one of five characters
//! that finding a pattern costs next to nothing, however many names there are; a pattern that is shorter is looked for
//! as whatever begins with it.

use appmixer_core::Turn;
use rusqlite::Connection;

use super::sql;

/// The most characters of a gram.
const LENGTH: usize = 5;

/// Between grams: no name has one.
const SEPARATOR: char = ' ';

/// So much of the index is put in order in one transaction, in its pages of 4 kB: some fiftieth of a second where others
/// write, and half a second where nobody does.
const SHORT: i64 = 500;
const LONG: i64 = 10_000;

/// How many parts of the same size there may be before they are made one: more while much is written, and everything is
/// made one afterwards.
const PARTS: i64 = 4;
const PARTS_MEANWHILE: i64 = 16;

/// How a folded pattern is looked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Matching {
    /// By this question to the text index.
    Question(String),
    /// Not at all: no name contains it.
    Nobody,
    /// Name by name: a single character, which is in nearly all of them.
    Everybody,
}

/// The grams of a name, each with a separator behind it.
pub(super) fn add(folded: &str, text: &mut String) {
    text.reserve((LENGTH + 1) * folded.len());
    let ends = folded.char_indices().map(|(at, _)| at).skip(LENGTH).chain(std::iter::repeat(folded.len()));
    for ((begin, _), end) in folded.char_indices().zip(ends) {
        text.push_str(&folded[begin..end]);
        text.push(SEPARATOR);
    }
}

/// How to look for a folded pattern.
pub(super) fn matching(folded: &str) -> Matching {
    if folded.contains(SEPARATOR) {
        return Matching::Nobody;
    }
    match folded.chars().count() {
        0 | 1 => Matching::Everybody,
        2..LENGTH => Matching::Question(format!("{}*", quoted(folded))),
        characters => {
            // Side by side, as they stand in the name.
            let mut grams = String::new();
            add(folded, &mut grams);
            let whole = grams.split_terminator(SEPARATOR).take(characters - LENGTH + 1);
            Matching::Question(whole.map(quoted).collect::<Vec<_>>().join(" + "))
        }
    }
}

/// A term of FTS5: every character stands for itself.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Much is written: less is put in order meanwhile.
pub(super) fn unsettle(db: &Connection) -> rusqlite::Result<()> {
    set(db, "automerge", PARTS_MEANWHILE)
}

/// Puts a piece of the index in order after much was written, so that a question looks into one part and not into many:
/// the first piece, or another one. Answers whether there is more.
pub(super) fn settle(db: &Connection, first: bool, turn: Turn) -> rusqlite::Result<bool> {
    let pages = match turn {
        Turn::Short => SHORT,
        Turn::Long => LONG,
    };
    let changes = db.total_changes();
    // A negative number takes all parts for such of one size.
    set(db, "merge", if first { -pages } else { pages })?;
    // The statement itself counts for one change (documentation of FTS5, "The 'merge' command").
    Ok(db.total_changes() - changes > 1)
}

/// What is written from now on is put in order as it comes.
pub(super) fn settled(db: &Connection) -> rusqlite::Result<()> {
    set(db, "automerge", PARTS)
}

fn set(db: &Connection, option: &str, value: i64) -> rusqlite::Result<()> {
    db.prepare_cached(sql::TEXT_OPTION)?.execute((option, value)).map(drop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sql::tests::empty_database;
    use super::*;

    fn keep(db: &Connection, user: i64, names: &[String]) {
        let mut text = String::new();
        for name in names {
            add(name, &mut text);
        }
        db.execute(sql::INSERT_TEXT, (user, text)).unwrap();
    }

    fn find(db: &Connection, pattern: &str) -> Vec<i64> {
        match matching(pattern) {
            Matching::Question(question) => {
                let mut statement = db.prepare(sql::HITS).unwrap();
                statement.query_map([question], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            Matching::Nobody => Vec::new(),
            Matching::Everybody => panic!("{pattern} has one character"),
        }
    }

    /// From few characters, so that much is alike: some that mean something in a question, and some of several bytes.
    fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
        let characters = prop::sample::select(vec!['a', 'b', '1', '.', '"', '\'', '*', '+', '@', 'ž', '🦀']);
        prop::collection::vec(characters, length).prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn a_pattern_finds_whoever_has_a_name_that_contains_it_and_nobody_else(
            users in prop::collection::vec(prop::collection::vec(text(1..12), 1..3), 1..30),
            patterns in prop::collection::vec(text(2..9), 20),
            place in any::<prop::sample::Index>(),
        ) {
            let (_folder, db) = empty_database();
            for (user, names) in (1..).zip(&users) {
                keep(&db, user, names);
            }
            let whole = place.get(&users)[0].clone();
            for pattern in patterns.into_iter().chain([whole]).filter(|pattern| pattern.chars().count() > 1) {
                let has = |(_, names): &(i64, &Vec<String>)| names.iter().any(|name| name.contains(&pattern));
                let expected: Vec<_> = (1..).zip(&users).filter(has).map(|(user, _)| user).collect();
                prop_assert_eq!(find(&db, &pattern), expected, "{}", pattern);
            }
        }
    }

    #[test]
    fn every_character_that_a_name_may_have_is_found() {
        let (_folder, db) = empty_database();
        let printable: Vec<char> = ('!'..='~').filter(|c| !c.is_ascii_uppercase()).collect();
        for (user, character) in (1..).zip(&printable) {
            keep(&db, user, &[format!("ž{character}é@{character}")]);
        }
        for (user, character) in (1..).zip(&printable) {
            for pattern in [format!("ž{character}"), format!("ž{character}é@{character}")] {
                assert_eq!(find(&db, &pattern), [user], "{pattern}");
            }
        }
        assert_eq!(matching("x y@"), Matching::Nobody);
    }

    #[test]
    fn what_was_written_in_many_parts_is_put_into_one_piece_by_piece() {
        let (_folder, db) = empty_database();
        let parts = || {
            let sql = "SELECT count(DISTINCT segid) FROM names_text_idx";
            db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        unsettle(&db).unwrap();
        for user in 1..=3000_i64 {
            // Each transaction writes a part.
            if user % 200 == 1 {
                db.execute_batch("BEGIN").unwrap();
            }
            keep(&db, user, &[format!("{:016x}@{user}", user.wrapping_mul(0x1e37_79b9_7f4a_7c15))]);
            if user % 200 == 0 {
                db.execute_batch("COMMIT").unwrap();
            }
        }
        assert!(parts() > PARTS_MEANWHILE / 2);
        let mut pieces = 0;
        while settle(&db, pieces == 0, Turn::Short).unwrap() {
            pieces += 1;
        }
        settled(&db).unwrap();
        assert_eq!(parts(), 1);
        assert!(pieces > 0);
        assert_eq!(find(&db, "@2999"), [2999]);
    }
}
