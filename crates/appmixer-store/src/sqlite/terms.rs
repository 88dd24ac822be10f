//! From a pattern to a question to the text index, whose terms have three characters.

use rusqlite::Connection;

use super::sql;

/// A pattern of two characters is looked for as all terms that begin with it, if there are no more of them.
const MOST_TERMS: i64 = 256;

/// The question to the text index that finds a folded pattern; none when there is no good one: every name has to be
/// looked at.
pub(super) fn matching(db: &Connection, folded: &str) -> rusqlite::Result<Option<String>> {
    match folded.chars().count() {
        0 | 1 => Ok(None),
        2 => beginning_with(db, folded),
        _ => Ok(Some(quoted(folded))),
    }
}

fn beginning_with(db: &Connection, pair: &str) -> rusqlite::Result<Option<String>> {
    let mut statement = db.prepare_cached(sql::TERMS)?;
    // No character comes after this one.
    let end = format!("{pair}{}", char::MAX);
    let terms = statement.query_map((pair, end, MOST_TERMS + 1), |row| row.get::<_, String>(0))?;
    let terms: Vec<String> = terms.collect::<Result<_, _>>()?;
    if i64::try_from(terms.len()).is_ok_and(|found| found > MOST_TERMS) {
        return Ok(None);
    }
    if terms.is_empty() {
        // Nothing begins with it: as a term of its own it finds just that.
        return Ok(Some(quoted(&format!("{pair}{}", char::MAX))));
    }
    Ok(Some(terms.iter().map(|term| quoted(term)).collect::<Vec<_>>().join(" OR ")))
}

/// A phrase of FTS5: every character stands for itself.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
