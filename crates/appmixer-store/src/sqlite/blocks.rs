//! The blocks of the three lists: how many entries stand in each stretch, so that the page at an offset is found by
//! adding up a thousandth of the list.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::sql;

/// A block with more entries than this is divided.
const MOST: i64 = 2 * PART;

/// How many entries the parts of a divided block have.
const PART: i64 = 1024;

/// A list of all users, by its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Created,
    Username,
    Email,
}

impl List {
    pub(super) const ALL: [Self; 3] = [Self::Created, Self::Username, Self::Email];

    /// The statement that finds the entry so many places behind another.
    const fn ahead(self) -> &'static str {
        match self {
            Self::Created => sql::AHEAD_BY_CREATED,
            Self::Username => sql::AHEAD_BY_USERNAME,
            Self::Email => sql::AHEAD_BY_EMAIL,
        }
    }
}

/// Where somebody stands in a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    /// The time in milliseconds, and the user's number.
    Created(i64, i64),
    /// The folded name.
    Name(String),
}

impl Entry {
    fn key(&self) -> Value {
        match self {
            Self::Created(created, _) => Value::Integer(*created),
            Self::Name(folded) => Value::Text(folded.clone()),
        }
    }

    const fn user(&self) -> i64 {
        match self {
            Self::Created(_, user) => *user,
            Self::Name(_) => 0,
        }
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        match row.get(0)? {
            Value::Text(folded) => Ok(Self::Name(folded)),
            Value::Integer(created) => Ok(Self::Created(created, row.get(1)?)),
            other => Err(rusqlite::Error::FromSqlConversionFailure(
                0,
                other.data_type(),
                "neither a time nor a name".into(),
            )),
        }
    }

    /// Whether it is what the first block of a list begins with.
    fn is_start(&self) -> bool {
        matches!(self, Self::Created(i64::MIN, 0)) || matches!(self, Self::Name(name) if name.is_empty())
    }
}

/// Counts entries that came to a list (1 each) or left it (−1 each). Their rows are written already.
pub(super) fn count(db: &Connection, list: List, mut entries: Vec<(Entry, i64)>) -> rusqlite::Result<()> {
    entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let mut rest = entries.as_slice();
    while let [(entry, _), ..] = rest {
        let (first, before) = block_of(db, list, entry)?;
        let here = match next_block(db, list, &first)? {
            Some(next) => rest.partition_point(|(entry, _)| *entry < next),
            None => rest.len(),
        };
        let (block, others) = rest.split_at(here.max(1));
        rest = others;
        let by: i64 = block.iter().map(|(_, by)| by).sum();
        if by != 0 {
            set(db, list, first, before.saturating_add(by))?;
        }
    }
    Ok(())
}

/// The block in which an entry stands, and how many it counts.
fn block_of(db: &Connection, list: List, entry: &Entry) -> rusqlite::Result<(Entry, i64)> {
    let params = params![list as i64, entry.key(), entry.user()];
    db.prepare_cached(sql::BLOCK_OF)?.query_one(params, |row| Ok((Entry::read(row)?, row.get(2)?)))
}

fn next_block(db: &Connection, list: List, first: &Entry) -> rusqlite::Result<Option<Entry>> {
    let params = params![list as i64, first.key(), first.user()];
    db.prepare_cached(sql::NEXT_BLOCK)?.query_one(params, Entry::read).optional()
}

/// Writes how many entries a block has, dividing it when they are too many.
fn set(db: &Connection, list: List, mut first: Entry, mut entries: i64) -> rusqlite::Result<()> {
    while entries > MOST {
        let Some(next) = ahead(db, list, &first, PART)? else { break };
        write(db, list, &first, PART)?;
        first = next;
        entries -= PART;
    }
    if entries <= 0 && !first.is_start() {
        let params = params![list as i64, first.key(), first.user()];
        return db.prepare_cached(sql::DELETE_BLOCK)?.execute(params).map(drop);
    }
    write(db, list, &first, entries)
}

fn write(db: &Connection, list: List, first: &Entry, entries: i64) -> rusqlite::Result<()> {
    let params = params![list as i64, first.key(), first.user(), entries];
    db.prepare_cached(sql::SET_BLOCK)?.execute(params).map(drop)
}

/// The entry so many places behind one.
fn ahead(db: &Connection, list: List, first: &Entry, places: i64) -> rusqlite::Result<Option<Entry>> {
    let mut statement = db.prepare_cached(list.ahead())?;
    match list {
        List::Created => statement.query_one(params![first.key(), first.user(), places], Entry::read),
        List::Username | List::Email => statement.query_one(params![first.key(), places], Entry::read),
    }
    .optional()
}

/// The block with the entry at a place (0 is the first), and how many entries stand before that block.
///
/// `total` is how many entries there are. Blocks are added up from the nearer end.
pub(super) fn at(db: &Connection, list: List, place: i64, total: i64) -> rusqlite::Result<(Entry, i64)> {
    let from_end = place > total / 2;
    let sql = if from_end { sql::BLOCKS_FROM_END } else { sql::BLOCKS };
    let mut statement = db.prepare_cached(sql)?;
    let mut blocks = statement.query([list as i64])?;
    let mut found = (Entry::Created(i64::MIN, 0), 0);
    let mut passed = if from_end { total } else { 0 };
    while let Some(block) = blocks.next()? {
        let entries: i64 = block.get(2)?;
        if from_end {
            passed -= entries;
            found = (Entry::read(block)?, passed);
            if passed <= place {
                break;
            }
        } else {
            found = (Entry::read(block)?, passed);
            passed += entries;
            if passed > place {
                break;
            }
        }
    }
    Ok(found)
}
