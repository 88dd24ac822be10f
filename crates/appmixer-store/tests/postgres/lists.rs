//! Pages far down the lists of all users: exact at every moment, whoever writes, and whoever counts blocks meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use appmixer_core::{
    Beside, Existing, LoginName, Sort, SortKey, Stretch, Ticket, Timestamp, User, UserChange, UserQuery,
    Username, Users as _,
};
use appmixer_store::PostgresStore;
use appmixer_testbed::Postgres;
use tokio::task::JoinSet;

use super::suite::{id, user};
use super::{eventually, open, options};

/// Blocks that do not have as many entries as they say, after what has moved.
const WRONG: &str = "WITH entries AS (
    SELECT 0 AS list, int8send(created # (1::bigint << 63)) || int8send(number # (1::bigint << 63)) AS key, 1 AS step
    FROM users
    UNION ALL SELECT 1, convert_to(folded, 'UTF8'), 1 FROM names WHERE is_username
    UNION ALL SELECT 2, convert_to(folded, 'UTF8'), 1 FROM names WHERE is_email
    UNION ALL SELECT moves.list, moves.key, -moves.step
    FROM list_moves CROSS JOIN LATERAL UNNEST(lists, keys, steps) AS moves (list, key, step)
), blocks AS (
    SELECT list, block.first, block.entries, lead(block.first) OVER (PARTITION BY list ORDER BY block.first) AS next
    FROM list_blocks CROSS JOIN LATERAL UNNEST(firsts, counts) AS block (first, entries)
)
SELECT count(*) FROM blocks WHERE entries <> (
    SELECT coalesce(sum(step), 0) FROM entries
    WHERE entries.list = blocks.list AND key >= first AND (next IS NULL OR key < next)
)";
const BLOCKS: &str = "SELECT count(*) FROM list_blocks CROSS JOIN LATERAL UNNEST(firsts) AS block";
const MOVES: &str = "SELECT count(*) FROM list_moves";

/// Users whom nobody changes, at the end of the lists of names.
const STILL: u32 = 2000;

fn still(place: u32) -> String {
    format!("z{place:06}@acme")
}

struct Database {
    url: String,
    name: String,
}

impl Database {
    fn new() -> Self {
        let url = Postgres::shared().database();
        let name = url.rsplit('/').next().unwrap().to_owned();
        Self { url, name }
    }

    async fn node(&self) -> Arc<PostgresStore> {
        open(&options(self.url.clone())).await.0
    }

    fn ask(&self, sql: &str) -> String {
        tokio::task::block_in_place(|| Postgres::shared().psql(&self.name, sql))
    }

    /// All moves have been added to the blocks.
    async fn settled(&self) {
        eventually(async || self.ask(MOVES) == "0" && self.ask(BLOCKS) != "0").await;
        assert_eq!(self.ask(WRONG), "0");
    }
}

async fn import(store: &PostgresStore, users: Vec<User>) {
    store.import(users, Existing::Keep, Timestamp::from_millis(5), Beside::nothing()).await.unwrap();
}

async fn import_still(store: &PostgresStore) {
    import(store, (0..STILL).map(|place| user(place, &still(place), &["user"])).collect()).await;
}

/// A page that lies among those who stay, far from both ends: what its place and the total say must stand there.
async fn check_page(store: &PostgresStore, key: SortKey, from_end: u64) {
    let ask = async |offset, descending| {
        let (sort, stretch) = (Sort { key, descending }, Stretch { offset, limit: 3 });
        store.search(UserQuery::default(), sort, stretch).await.unwrap()
    };
    let total = ask(0, false).await.total;
    let page = ask(total - from_end, false).await;
    let place = u64::from(STILL) - (page.total - (total - from_end));
    let names: Vec<_> = page.users.iter().map(|user| user.names.username.as_str().to_owned()).collect();
    let expected: Vec<_> = (place..place + 3).map(|place| still(u32::try_from(place).unwrap())).collect();
    assert_eq!(names, expected, "{total} {}", page.total);
    let page = ask(from_end - 1, true).await;
    let last = u64::from(STILL) - from_end;
    let names: Vec<_> = page.users.iter().map(|user| user.names.username.as_str().to_owned()).collect();
    let expected: Vec<_> =
        (last - 2..=last).rev().map(|place| still(u32::try_from(place).unwrap())).collect();
    assert_eq!(names, expected);
}

/// Makes users, gives others new names, and deletes some.
async fn write(store: Arc<PostgresStore>, from: u32) {
    let (now, nothing) = (Timestamp::from_millis(5), Beside::nothing);
    for number in from..from + 200 {
        let scattered = number.wrapping_mul(2_654_435_761) % 1_000_003;
        let new = user(number, &format!("m{scattered}@acme"), &["user"]);
        let new = User { created: Timestamp::from_millis(i64::from(scattered)), ..new };
        store.insert(new, nothing()).await.unwrap();
        if number % 2 == 0 {
            let username = Username::parse(&format!("n{scattered}@acme")).ok();
            let change = UserChange { username, ..UserChange::default() };
            store.update(id(number), change, now, nothing()).await.unwrap();
        }
        if number % 3 == 0 {
            store.delete(id(number), Ticket::new(id(number)), false, now, nothing()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_exact_while_nodes_write_and_one_of_them_counts() {
    let database = Database::new();
    let nodes = [database.node().await, database.node().await];
    import_still(&nodes[0]).await;
    for round in 1..3 {
        let more = (0..1500).map(|number| round * 100_000 + number);
        import(&nodes[1], more.map(|number| user(number, &format!("i{number}@acme"), &["user"])).collect())
            .await;
        let done = AtomicBool::new(false);
        let read = async {
            let mut from_end = 600;
            while !done.load(Ordering::Relaxed) {
                check_page(&nodes[0], SortKey::Username, from_end).await;
                check_page(&nodes[1], SortKey::Email, from_end).await;
                from_end = 600 + (from_end * 7 + 11) % 1300;
            }
        };
        let work = async {
            let mut writers = JoinSet::new();
            for writer in 0..4_u32 {
                let node = Arc::clone(&nodes[usize::try_from(writer % 2).unwrap()]);
                writers.spawn(write(node, round * 100_000 + 10_000 * (writer + 1)));
            }
            writers.join_all().await;
            database.settled().await;
            done.store(true, Ordering::Relaxed);
        };
        tokio::join!(read, work);
    }
    // Whoever looks for somebody by name finds the same as who looks in the list.
    let name = LoginName::parse(&still(1000)).unwrap();
    assert_eq!(nodes[0].find_by_login(&name).await.unwrap().unwrap().id, id(1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_nobody_has_counted_or_that_somebody_has_miscounted_are_counted_by_whoever_starts() {
    let database = Database::new();
    let node = database.node().await;
    import_still(&node).await;
    database.settled().await;
    // A database of the version before, whose servers know nothing of blocks.
    database.ask("DELETE FROM list_blocks");
    check_page(&node, SortKey::Username, 900).await;
    database.settled().await;
    check_page(&node, SortKey::Username, 900).await;
    // Such a server beside this one.
    node.insert(user(STILL, "a@acme", &["user"]), Beside::nothing()).await.unwrap();
    database.ask("DELETE FROM list_moves");
    check_page(&node, SortKey::Username, 900).await;
    let _other = database.node().await;
    eventually(async || database.ask(WRONG) == "0").await;
    check_page(&node, SortKey::Username, 900).await;
}
