//! Counts the blocks of the lists of all users, beside whoever writes and reads.
//!
//! One node at a time adds what has moved to the blocks; where there are none yet, or where they do not add up, it counts
//! them from one end of the lists to the other. Either is one transaction that sees one moment: readers have blocks and
//! moves from before it or from after it, and what moves meanwhile waits for the next time.

use std::time::{Duration, Instant};

use appmixer_core::StoreError;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, IsolationLevel};

use super::db::{Database, Db, Params, Session};
use super::error::{Stop, store_error};
use super::lists::{self, Key, List, MOST_MOVES, Part, Step, created_key, created_of, cut, name_of, sum};
use super::open::Connector;
use super::search;
use super::sql::statements;

/// The statement for one of the two lists of names.
macro_rules! by_name {
    ($role:literal) => {
        concat!(
            "SELECT folded, entries FROM (SELECT folded, count(*) OVER () AS entries, \
             row_number() OVER (ORDER BY folded) AS place FROM \
             (SELECT folded FROM names WHERE folded >= $1 AND ",
            $role,
            " ORDER BY folded LIMIT $2) AS next) AS placed WHERE (place - 1) % $3 = 0 ORDER BY folded"
        )
    };
}

/// A block with more entries than this is divided into some of so many.
const MOST_ENTRIES: i64 = 2 * ENTRIES;
const ENTRIES: i64 = 512;

/// A stretch with more blocks than this is divided into some of so many. A row takes a moment to be written, whatever
/// has changed in it.
const MOST_BLOCKS: usize = 2 * BLOCKS;
const BLOCKS: usize = 128;

/// The entries of a stretch that was just counted.
const STRETCH: i64 = 128 * ENTRIES;

/// How often it is looked whether there is something to do.
const INTERVAL: Duration = Duration::from_secs(1);

/// So many moves are worth it. Fewer are left until no more come, since each read looks at all of them.
const ENOUGH: i64 = 3000;

/// An import waits when there are more.
const TOO_MANY: i64 = 30_000;

/// How often it is looked whether the blocks add up, though nothing has moved: servers of the version before, while
/// there still are some, tell of no moves.
const DOUBT: Duration = Duration::from_mins(1);

/// How long counting may take. The other is done in less than a second.
const PATIENCE: Duration = Duration::from_secs(20);
const LONG_PATIENCE: Duration = Duration::from_hours(2);

/// After a count that has failed.
const PAUSE: Duration = Duration::from_mins(1);

statements! {
    /// Somebody else who counts is not waited for. Whoever has begun before somebody else was ready fails here.
    TURN = "SELECT value FROM turns WHERE name = 'lists' FOR UPDATE SKIP LOCKED", [];
    TAKE_TURN = "UPDATE turns SET value = value + 1 WHERE name = 'lists'", [];
    STATE = "SELECT EXISTS (SELECT 1 FROM list_blocks), CAST(coalesce(sum(entries), 0) AS BIGINT) FROM list_moves",
        [];
    TAKE = "DELETE FROM list_moves RETURNING lists, keys, steps", [];
    FORGET_MOVES = "DELETE FROM list_moves", [];
    FORGET_BLOCKS = "DELETE FROM list_blocks", [];
    FORGET_STRETCH = "DELETE FROM list_blocks WHERE list = $1 AND first = $2", [INT2, BYTEA];
    KEEP_STRETCH = "INSERT INTO list_blocks (list, first, entries, firsts, counts) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (list, first) DO UPDATE SET \
         entries = excluded.entries, firsts = excluded.firsts, counts = excluded.counts",
        [INT2, BYTEA, INT8, BYTEA_ARRAY, INT8_ARRAY];
}

/// Every so many of the next entries from a key on, and how many of them were gone through. Planned for these parameters.
const BY_CREATED: &str = "SELECT created, number, entries FROM (SELECT created, number, \
     count(*) OVER () AS entries, row_number() OVER (ORDER BY created, number) AS place FROM \
     (SELECT created, number FROM users WHERE (created, number) >= ($1, $2) \
     ORDER BY created, number LIMIT $3) AS next) AS placed WHERE (place - 1) % $4 = 0 ORDER BY created, number";
const BY_USERNAME: &str = by_name!("is_username");
const BY_EMAIL: &str = by_name!("is_email");

/// What keeps the blocks as they are.
#[derive(Debug)]
enum Failure {
    /// Somebody else is at it.
    Busy,
    /// They do not add up to the users that there are.
    Wrong,
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Stop<StoreError>> for Stop<Failure> {
    fn from(stop: Stop<StoreError>) -> Self {
        match stop {
            Stop::Database(error) => Self::Database(error),
            Stop::Refused(error) => Self::Refused(error.into()),
            Stop::Again => Self::Again,
        }
    }
}

/// Does what is to be done as long as it is run.
pub(super) async fn keep(db: Database, connector: Connector) {
    let mut before = 0;
    let mut checked = None::<Instant>;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Ok((counted, waiting)) = db.read(|db| Box::pin(state(db))).await else { continue };
        let doubtful = checked.is_none_or(|time| time.elapsed() > DOUBT);
        let at_rest = waiting > 0 && waiting == before;
        before = waiting;
        let mut outcome = Err(Failure::Wrong);
        if counted && waiting <= MOST_MOVES {
            if waiting < ENOUGH && !at_rest && !doubtful {
                continue;
            }
            outcome = add(&db).await;
        }
        if matches!(outcome, Err(Failure::Wrong)) {
            outcome = count_anew(&connector).await;
        }
        match outcome {
            Ok(()) => checked = Some(Instant::now()),
            Err(Failure::Busy | Failure::Wrong) => {}
            Err(Failure::Store(error)) => {
                tracing::debug!(%error, "the lists of users could not be counted yet");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Keeps an import from outrunning this.
pub(super) async fn keep_up(db: &Database) {
    let waiting = db.read(|db| Box::pin(state(db))).await;
    if waiting.is_ok_and(|(counted, waiting)| counted && (TOO_MANY..=MOST_MOVES).contains(&waiting))
        && let Err(error) = add(db).await
    {
        tracing::debug!(?error, "what was imported could not be added to the lists yet");
    }
}

async fn state(db: Db<'_>) -> Result<(bool, i64), Stop<StoreError>> {
    let row = db.optional(&STATE, &[]).await?;
    Ok(row.map_or(Ok((false, 0)), |row| Ok::<_, Error>((row.try_get(0)?, row.try_get(1)?)))?)
}

/// Adds to the blocks what has moved.
async fn add(db: &Database) -> Result<(), Failure> {
    db.write_one_moment(PATIENCE, |db| Box::pin(add_moves(db))).await
}

/// Counts all. It takes long, so the connection is not one that others wait for.
async fn count_anew(connector: &Connector) -> Result<(), Failure> {
    let mut client = connector.connect().await.map_err(|error| store_error(&error))?;
    let counted = timeout(LONG_PATIENCE, async {
        let transaction = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let transaction = transaction.start().await?;
        let db = Session::beside(transaction.client());
        take_turn(db).await?;
        count(db).await?;
        transaction.commit().await?;
        Ok::<_, Stop<Failure>>(())
    });
    let too_long = || StoreError::Unavailable("the lists are too long to be counted in time".to_owned());
    counted.await.map_err(|_| too_long())?.map_err(Stop::into_error)
}

async fn take_turn(db: Db<'_>) -> Result<(), Stop<Failure>> {
    if db.optional(&TURN, &[]).await?.is_none() {
        return Err(Stop::Refused(Failure::Busy));
    }
    Ok(db.run(&TAKE_TURN, &[]).await.map(drop)?)
}

async fn add_moves(db: Db<'_>) -> Result<(), Stop<Failure>> {
    take_turn(db).await?;
    let mut moved: [Vec<Step>; 3] = Default::default();
    for row in db.all(&TAKE, &[]).await? {
        let (lists, keys): (Vec<i16>, Vec<Key>) = (row.try_get(0)?, row.try_get(1)?);
        let steps: Vec<i16> = row.try_get(2)?;
        for ((list, key), step) in lists.into_iter().zip(keys).zip(steps) {
            if let Some(steps) = usize::try_from(list).ok().and_then(|list| moved.get_mut(list)) {
                steps.push((key, step.into()));
            }
        }
    }
    let everybody = search::everybody(db).await?;
    for (list, mut steps) in List::ALL.into_iter().zip(moved) {
        steps.sort_unstable();
        let stretches = lists::stretches(db, list).await?;
        if sum(&stretches) + sum(&steps) != everybody {
            return Err(Stop::Refused(Failure::Wrong));
        }
        let mut steps = steps.as_slice();
        for (at, (first, _)) in stretches.iter().enumerate() {
            let here = cut(&mut steps, stretches.get(at + 1).map(|(next, _)| next));
            if !here.is_empty() {
                let blocks = added(lists::blocks(db, list, first).await?, here);
                let blocks = divided(db, list, blocks.ok_or(Stop::Refused(Failure::Wrong))?).await?;
                // The first one stays, whatever is left of it: what comes has to have a place.
                if at > 0 && sum(&blocks) == 0 {
                    db.run(&FORGET_STRETCH, &[&list.number(), first]).await?;
                } else {
                    keep_blocks(db, list, &blocks).await?;
                }
            }
        }
    }
    Ok(())
}

/// Blocks with what has moved in them, small ones joined. `None`: one has fewer entries than none.
fn added(blocks: Vec<Part>, mut steps: &[Step]) -> Option<Vec<Part>> {
    let nexts: Vec<_> = blocks.iter().skip(1).map(|(first, _)| first.clone()).collect();
    let mut joined: Vec<Part> = Vec::with_capacity(blocks.len());
    for (at, (first, entries)) in blocks.into_iter().enumerate() {
        let entries = entries + sum(cut(&mut steps, nexts.get(at)));
        match joined.last_mut() {
            _ if entries < 0 => return None,
            Some((_, before)) if *before + entries <= ENTRIES => *before += entries,
            _ => joined.push((first, entries)),
        }
    }
    Some(joined)
}

/// Divides those that have too many. Their entries are where the blocks say: what has moved is all in them.
async fn divided(db: Db<'_>, list: List, blocks: Vec<Part>) -> Result<Vec<Part>, Stop<StoreError>> {
    let mut divided = Vec::with_capacity(blocks.len());
    for (first, entries) in blocks {
        if entries > MOST_ENTRIES {
            let (firsts, entries) = strides(db, list, &first, entries).await?;
            divided.extend(parts(first, firsts, entries));
        } else {
            divided.push((first, entries));
        }
    }
    Ok(divided)
}

/// Counts every list from one end to the other, in a transaction that sees one moment.
pub(super) async fn count(db: Db<'_>) -> Result<(), Stop<StoreError>> {
    db.run(&FORGET_MOVES, &[]).await?;
    db.run(&FORGET_BLOCKS, &[]).await?;
    for list in List::ALL {
        let mut next = Some(Key::new());
        while let Some(first) = next {
            // And the one that the next stretch begins with.
            let (mut firsts, entries) = strides(db, list, &first, STRETCH + 1).await?;
            next = if entries > STRETCH { firsts.pop() } else { None };
            keep_blocks(db, list, &parts(first, firsts, entries.min(STRETCH))).await?;
        }
    }
    Ok(())
}

/// The first of every [`ENTRIES`] entries, from a key on, as far as `most`; and how many entries these are.
async fn strides(db: Db<'_>, list: List, from: &Key, most: i64) -> Result<(Vec<Key>, i64), Stop<StoreError>> {
    let limits = [(&most as &(dyn ToSql + Sync), Type::INT8), (&ENTRIES as _, Type::INT8)];
    let mut entries = 0;
    let mut firsts = Vec::new();
    if list == List::Created {
        let (created, number) = created_of(from)?;
        let from = [(&created as &(dyn ToSql + Sync), Type::INT8), (&number as _, Type::INT8)];
        for row in db.ask(BY_CREATED, &[from, limits].concat()).await? {
            firsts.push(created_key(row.try_get(0)?, row.try_get(1)?));
            entries = row.try_get(2)?;
        }
    } else {
        let name = name_of(from)?;
        let sql = if list == List::Email { BY_EMAIL } else { BY_USERNAME };
        let [most, step] = limits;
        for row in db.ask(sql, &[(&name, Type::TEXT), most, step]).await? {
            firsts.push(row.try_get::<_, &str>(0)?.into());
            entries = row.try_get(1)?;
        }
    }
    Ok((firsts, entries))
}

/// The blocks that begin with these, of which the first has what comes before its first entry as well.
fn parts(first: Key, firsts: Vec<Key>, mut entries: i64) -> Vec<Part> {
    let firsts = std::iter::once(first).chain(firsts.into_iter().skip(1));
    let part = firsts.map(|first| {
        let here = entries.min(ENTRIES);
        entries -= here;
        (first, here)
    });
    part.collect()
}

/// Writes blocks that follow each other, the first of which begins a stretch.
async fn keep_blocks(db: Db<'_>, list: List, blocks: &[Part]) -> Result<(), Error> {
    let size = if blocks.len() > MOST_BLOCKS { BLOCKS } else { MOST_BLOCKS };
    for stretch in blocks.chunks(size) {
        let (firsts, counts): (Vec<_>, Vec<_>) =
            stretch.iter().map(|(first, entries)| (first, *entries)).unzip();
        let params: Params<'_> = &[&list.number(), &firsts[0], &sum(stretch), &firsts, &counts];
        db.run(&KEEP_STRETCH, params).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.as_bytes().to_vec()
    }

    #[test]
    fn small_blocks_are_joined_and_none_has_fewer_entries_than_none() {
        let blocks = || vec![(key(""), 500), (key("f"), 20), (key("k"), 512), (key("p"), 1)];
        let steps = [(key("a"), -1), (key("g"), -7), (key("p"), -1)];
        let joined = added(blocks(), &steps).unwrap();
        assert_eq!(joined, [(key(""), 512), (key("k"), 512)]);
        assert_eq!(added(blocks(), &[]).unwrap().len(), 4);
        assert!(added(blocks(), &[(key("pp"), -2)]).is_none());
    }

    #[test]
    fn a_block_that_is_divided_begins_where_it_did() {
        let divided = parts(key("a"), vec![key("b"), key("k"), key("z")], 2 * ENTRIES + 3);
        assert_eq!(divided, [(key("a"), ENTRIES), (key("k"), ENTRIES), (key("z"), 3)]);
        assert_eq!(parts(Key::new(), Vec::new(), 0), [(Key::new(), 0)]);
    }
}
