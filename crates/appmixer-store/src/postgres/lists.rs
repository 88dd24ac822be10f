//! The lists of all users, and where a page of one begins.
//!
//! How many entries each block of a list has is kept in `list_blocks`. Whoever writes leaves what comes and goes in
//! `list_moves`, a row of its own, and waits for nobody; whoever reads adds what is there to the blocks, and sees both as
//! they were at one moment. [`counting`](super::counting) keeps the moves few.

use appmixer_core::{SortKey, StoreError, User};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row};

use super::db::Db;
use super::error::Stop;
use super::sql::statements;

/// With more moves than these it is quicker to walk along the list, or to count it anew.
pub(super) const MOST_MOVES: i64 = 100_000;

statements! {
    MOVE = "INSERT INTO list_moves (entries, lists, keys, steps) VALUES ($1, $2, $3, $4)",
        [INT8, INT2_ARRAY, BYTEA_ARRAY, INT2_ARRAY];
    STRETCHES = "SELECT first, entries FROM list_blocks WHERE list = $1 ORDER BY first", [INT2];
    BLOCKS = "SELECT firsts, counts FROM list_blocks WHERE list = $1 AND first = $2", [INT2, BYTEA];
    WAITING = "SELECT CAST(coalesce(sum(entries), 0) AS BIGINT) FROM list_moves", [];
    MOVES = "SELECT moves.key, moves.step FROM list_moves \
         CROSS JOIN LATERAL UNNEST(lists, keys, steps) AS moves (list, key, step) \
         WHERE moves.list = $1 ORDER BY moves.key", [INT2];
}

/// Planned for the parameters: what suits a page does not suit all that come behind it.
const BY_CREATED: &str = "SELECT number FROM users WHERE (created, number) >= ($1, $2) \
     ORDER BY created, number LIMIT $3 OFFSET $4";
const BY_USERNAME: &str = "SELECT user_number FROM names WHERE folded >= $1 AND is_username \
     ORDER BY folded LIMIT $2 OFFSET $3";
const BY_EMAIL: &str = "SELECT user_number FROM names WHERE folded >= $1 AND is_email \
     ORDER BY folded LIMIT $2 OFFSET $3";

/// A list of all users, by its order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Created,
    Username,
    Email,
}

impl List {
    pub(super) const ALL: [Self; 3] = [Self::Created, Self::Username, Self::Email];

    pub(super) const fn by(key: SortKey) -> Self {
        match key {
            SortKey::Created => Self::Created,
            SortKey::Username => Self::Username,
            SortKey::Email => Self::Email,
        }
    }

    pub(super) const fn number(self) -> i16 {
        self as i16
    }

    fn key_of(self, number: i64, user: &User) -> Key {
        match self {
            Self::Created => created_key(user.created.millis(), number),
            Self::Username => user.names.username.as_login().folded().into(),
            Self::Email => user.names.email.as_login().folded().into(),
        }
    }
}

/// What a list is in the order of, as bytes. Nothing comes before the empty one.
pub(super) type Key = Vec<u8>;

/// Bytes that compare as the numbers do.
pub(super) fn created_key(created: i64, number: i64) -> Key {
    [created, number].map(|part| (part ^ i64::MIN).to_be_bytes()).concat()
}

/// What [`created_key`] was made of.
pub(super) fn created_of(key: &[u8]) -> Result<(i64, i64), StoreError> {
    if key.is_empty() {
        return Ok((i64::MIN, i64::MIN));
    }
    let part = |bytes: &[u8]| bytes.try_into().map(|bytes| i64::from_be_bytes(bytes) ^ i64::MIN);
    let parts = key.split_at_checked(8).map(|(created, number)| (part(created), part(number)));
    match parts {
        Some((Ok(created), Ok(number))) => Ok((created, number)),
        _ => Err(damaged()),
    }
}

pub(super) fn name_of(key: &[u8]) -> Result<&str, StoreError> {
    str::from_utf8(key).map_err(|_| damaged())
}

fn damaged() -> StoreError {
    StoreError::Corrupt("list_blocks: a key that no version of ours writes".to_owned())
}

/// What comes to the lists and leaves them in a transaction.
#[derive(Default)]
pub(super) struct Moves {
    lists: Vec<i16>,
    keys: Vec<Key>,
    steps: Vec<i16>,
}

impl Moves {
    pub(super) fn came(&mut self, number: i64, user: &User) {
        for list in List::ALL {
            self.push(list, list.key_of(number, user), 1);
        }
    }

    pub(super) fn went(&mut self, number: i64, user: &User) {
        for list in List::ALL {
            self.push(list, list.key_of(number, user), -1);
        }
    }

    pub(super) fn changed(&mut self, number: i64, old: &User, new: &User) {
        for list in List::ALL {
            let (from, to) = (list.key_of(number, old), list.key_of(number, new));
            if from != to {
                self.push(list, from, -1);
                self.push(list, to, 1);
            }
        }
    }

    fn push(&mut self, list: List, key: Key, step: i16) {
        self.lists.push(list.number());
        self.keys.push(key);
        self.steps.push(step);
    }

    pub(super) async fn record(self, db: Db<'_>) -> Result<(), Error> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let entries = i64::try_from(self.keys.len()).unwrap_or(i64::MAX);
        db.run(&MOVE, &[&entries, &self.lists, &self.keys, &self.steps]).await.map(drop)
    }
}

/// A part of a list: its first key, or one before that, and how many entries it has. It ends where the next one begins.
pub(super) type Part = (Key, i64);

/// What came to a key, or left it.
pub(super) type Step = (Key, i64);

pub(super) async fn stretches(db: Db<'_>, list: List) -> Result<Vec<Part>, Error> {
    pairs(&db.all(&STRETCHES, &[&list.number()]).await?)
}

pub(super) async fn blocks(db: Db<'_>, list: List, first: &Key) -> Result<Vec<Part>, Error> {
    let Some(row) = db.optional(&BLOCKS, &[&list.number(), first]).await? else { return Ok(Vec::new()) };
    let (firsts, counts): (Vec<Key>, Vec<i64>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(firsts.into_iter().zip(counts).collect())
}

/// How many moves are to be added to the blocks.
pub(super) async fn waiting(db: Db<'_>) -> Result<i64, Error> {
    Ok(db.number(&WAITING, &[]).await?.unwrap_or(0))
}

fn pairs(rows: &[Row]) -> Result<Vec<Part>, Error> {
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

async fn moves(db: Db<'_>, list: List) -> Result<Vec<Step>, Error> {
    let rows = db.all(&MOVES, &[&list.number()]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<_, i16>(1)?.into()))).collect()
}

/// Cuts off the steps that stand before a key, which are in order.
pub(super) fn cut<'a>(steps: &mut &'a [Step], before: Option<&Key>) -> &'a [Step] {
    let number = before.map_or(steps.len(), |next| steps.partition_point(|(key, _)| key < next));
    let (cut, rest) = steps.split_at(number);
    *steps = rest;
    cut
}

/// The part in which an entry stands, how many entries stand before that part, and what has moved in it.
fn locate<'a>(parts: &'a [Part], mut steps: &'a [Step], place: i64) -> Option<(&'a Key, i64, &'a [Step])> {
    let mut before = 0;
    for (at, (first, entries)) in parts.iter().enumerate() {
        let here = cut(&mut steps, parts.get(at + 1).map(|(next, _)| next));
        let behind = before + entries + sum(here);
        if behind > place {
            return Some((first, before, here));
        }
        before = behind;
    }
    None
}

pub(super) fn sum(parts: &[Part]) -> i64 {
    parts.iter().map(|(_, number)| number).sum()
}

/// The users on a page, from the place `offset` on in ascending order. `total` is how many users there are.
///
/// `None`: the blocks do not tell, for they are still to be counted, or too much has moved.
pub(super) async fn page(
    db: Db<'_>,
    list: List,
    offset: i64,
    limit: i64,
    total: i64,
) -> Result<Option<Vec<i64>>, Stop<StoreError>> {
    // Both are on their way at once.
    let (stretches, waiting) = tokio::try_join!(stretches(db, list), waiting(db))?;
    if waiting > MOST_MOVES {
        return Ok(None);
    }
    let steps = if waiting > 0 { moves(db, list).await? } else { Vec::new() };
    if sum(&stretches) + sum(&steps) != total {
        return Ok(None);
    }
    let Some((stretch, before, steps)) = locate(&stretches, &steps, offset) else { return Ok(None) };
    let blocks = blocks(db, list, stretch).await?;
    let place = offset - before;
    let Some((block, before, _)) = locate(&blocks, steps, place) else { return Ok(None) };
    let skipped = place - before;
    let (created, name);
    let (sql, mut params): (_, Vec<(&(dyn ToSql + Sync), Type)>) = match list {
        List::Created => {
            created = created_of(block)?;
            (BY_CREATED, vec![(&created.0, Type::INT8), (&created.1, Type::INT8)])
        }
        List::Username | List::Email => {
            name = name_of(block)?;
            let sql = if list == List::Email { BY_EMAIL } else { BY_USERNAME };
            (sql, vec![(&name, Type::TEXT)])
        }
    };
    params.extend([(&limit as _, Type::INT8), (&skipped as _, Type::INT8)]);
    let rows = db.ask(sql, &params).await?;
    Ok(Some(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_compare_as_what_they_were_made_of() {
        let in_order = [(i64::MIN, 0), (-1, 7), (0, i64::MIN), (0, 255), (0, 256), (1, -5), (i64::MAX, 1)];
        let keys = in_order.map(|(created, number)| created_key(created, number));
        assert!(keys.is_sorted() && keys[0] > Key::new());
        for (key, made_of) in keys.iter().zip(in_order) {
            assert_eq!(created_of(key).unwrap(), made_of);
        }
        assert!(created_of(b"joe@acme").is_err() && name_of(&[0xff]).is_err());
    }

    #[test]
    fn an_entry_stands_where_blocks_and_what_has_moved_since_say() {
        let key = |text: &str| text.as_bytes().to_vec();
        let parts = [(key(""), 2), (key("f"), 0), (key("k"), 3)];
        let steps = [(key("a"), -1), (key("e"), -1), (key("g"), 1), (key("k"), 1), (key("z"), -1)];
        let found = |place| locate(&parts, &steps, place).map(|(first, before, _)| (first.clone(), before));
        assert_eq!(found(0), Some((key("f"), 0)));
        assert_eq!(found(1), Some((key("k"), 1)));
        assert_eq!(found(3), Some((key("k"), 1)));
        assert_eq!(found(4), None);
        assert_eq!(locate(&parts, &[], 1).map(|(first, before, _)| (first, before)), Some((&key(""), 0)));
    }
}
