//! The PostgreSQL store: what every store promises, what several nodes see of each other, and what a database that
//! goes and comes back does to them.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "the test harness captures what tests print")]

#[path = "postgres/lists.rs"]
mod lists;
mod suite;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use appmixer_core::{AuditEntry, AuditKind, AuditLog as _, Metadata, Origin, Plan, daily};
use appmixer_core::{
    AuditQuery, Beside, Change, ConfigKey, Settings as _, Store, StoreError, Timestamp, UserChange,
    Users as _,
};
use appmixer_store::{PostgresError, PostgresOptions, PostgresStore};
use appmixer_testbed::{Pgbouncer, Postgres};
use suite::{Notes, entry, id, user};

const PATIENCE: Duration = Duration::from_secs(30);

fn options(url: String) -> PostgresOptions {
    PostgresOptions { url, pool_size: 8, prepare: true, stale_after: Duration::from_secs(5), ca_file: None }
}

async fn open(options: &PostgresOptions) -> (Arc<PostgresStore>, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    (Arc::new(PostgresStore::open(options, notes.clone()).await.unwrap()), notes)
}

async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "it did not come to that");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn open_new(notes: Arc<Notes>) -> (Arc<dyn Store>, ()) {
    let options = options(Postgres::shared().database());
    (Arc::new(PostgresStore::open(&options, notes).await.unwrap()), ())
}

suite::every_promise!(super::open_new);

/// Behind a proxy that pools transactions, without prepared statements.
mod pooled {
    use super::{Arc, Notes, Pgbouncer, Postgres, PostgresOptions, PostgresStore, Store};

    async fn open_new(notes: Arc<Notes>) -> (Arc<dyn Store>, ()) {
        let url = Pgbouncer::shared().url(&Postgres::shared().database());
        let options = PostgresOptions { prepare: false, ..super::options(url) };
        (Arc::new(PostgresStore::open(&options, notes).await.unwrap()), ())
    }

    crate::suite::every_promise!(super::open_new);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_hear_of_each_others_changes_with_notifications_and_without() {
    for prepare in [true, false] {
        let options = PostgresOptions { prepare, ..options(Postgres::shared().database()) };
        let ((one, own), (_other, heard)) = (open(&options).await, open(&options).await);
        one.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
        let plan = UserChange { plan: Plan::parse("gold").ok(), ..UserChange::default() };
        one.update(id(1), plan, Timestamp::from_millis(5), Beside::nothing()).await.unwrap();
        one.set(entry("APP_NAME", serde_json::json!("x")), Beside::nothing()).await.unwrap();
        assert_eq!(own.take(), [Change::User(id(1)), Change::Config]);
        let mut all = Vec::new();
        eventually(async || {
            all.extend(heard.take());
            all.contains(&Change::User(id(1))) && all.contains(&Change::Config)
        })
        .await;
        assert_eq!(all.len(), 2, "{all:?}");
        // Nobody is told twice of what it has done itself.
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(own.take(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_several_nodes_count_at_once_is_counted_once_each_in_a_bounded_number_of_rows() {
    const EACH: u64 = 200;
    let url = Postgres::shared().database();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(open(&options(url.clone())).await.0);
    }
    let noted = |kind| AuditEntry::new(Timestamp::from_millis(5), kind, &Origin::anonymous(None));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..3 * EACH {
        let node = Arc::clone(&nodes[usize::try_from(number % 3).unwrap()]);
        tasks.spawn(async move {
            let number = u32::try_from(number).unwrap();
            node.note(noted(AuditKind::SignIn));
            let joe = user(number, &format!("u{number}@acme"), &["user"]);
            // A node takes so many at a time.
            while node.insert(joe.clone(), noted(AuditKind::UserCreated).into()).await.is_err() {
                assert_eq!(node.find_by_id(id(number)).await, Ok(None));
            }
        });
    }
    tasks.join_all().await;
    for node in &nodes {
        node.close().await;
    }
    for node in &nodes {
        let today = daily(&**node, Timestamp::from_millis(5), 1).await.unwrap();
        assert_eq!((today[0].sign_ins, today[0].sign_ups, today[0].failures), (3 * EACH, 3 * EACH, 0));
    }
    let rows = Postgres::shared().psql(&database, "SELECT count(*) <= 32 FROM daily_counts");
    assert_eq!(rows.trim(), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_missed_changes_hears_that_everything_has_changed() {
    let postgres = Postgres::shared();
    let url = postgres.database();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let (one, notes) = open(&options(url)).await;
    // Another node's changes that were forgotten before this one looked.
    postgres.psql(&database, "UPDATE change_shards SET last = last + 3 WHERE shard = 7");
    eventually(async || notes.take().contains(&Change::Everything)).await;
    // A database that has gone back, as a standby that lost the last moment.
    postgres.psql(&database, "UPDATE change_shards SET last = last - 2 WHERE shard = 7");
    eventually(async || notes.take().contains(&Change::Everything)).await;
    assert_eq!(one.ping().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_nothing_remembered_counts_and_what_was_acknowledged_is_there_afterwards()
{
    let postgres = Postgres::start();
    let options = PostgresOptions { stale_after: Duration::from_millis(500), ..options(postgres.database()) };
    let (store, notes) = open(&options).await;
    for (number, kill) in [(1, true), (2, false)] {
        // Writers that go on while it goes.
        let written = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..4_u32)
            .map(|writer| {
                let (store, written) = (Arc::clone(&store), Arc::clone(&written));
                tokio::spawn(async move {
                    let mut made = Vec::new();
                    loop {
                        let number =
                            number * 1_000_000 + writer * 100_000 + u32::try_from(made.len()).unwrap();
                        let new = user(number, &format!("u{number}@acme"), &["user"]);
                        match store.insert(new, Beside::nothing()).await {
                            Ok(()) => made.push(number),
                            Err(error) => return (made, error),
                        }
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        eventually(async || written.load(Ordering::Relaxed) > 20).await;
        tokio::task::block_in_place(|| if kill { postgres.kill() } else { postgres.stop() });
        let mut acknowledged = Vec::new();
        for writer in writers {
            let (made, error) = writer.await.unwrap();
            assert!(
                matches!(&error, appmixer_core::WriteError::Store(StoreError::Unavailable(_))),
                "{error:?}"
            );
            acknowledged.extend(made);
        }
        assert!(!acknowledged.is_empty());
        assert!(matches!(store.find_by_id(id(1)).await, Err(StoreError::Unavailable(_))));
        notes.take();
        // Not once, but as long as it is not known.
        for _ in 0..3 {
            eventually(async || notes.take().contains(&Change::Everything)).await;
        }
        tokio::task::block_in_place(|| postgres.start_again());
        eventually(async || store.ping().await.is_ok()).await;
        for number in acknowledged {
            assert!(store.find_by_id(id(number)).await.unwrap().is_some(), "{number} was lost");
        }
        eventually(async || {
            notes.take();
            tokio::time::sleep(Duration::from_millis(600)).await;
            notes.take().is_empty()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_are_replaced_and_reads_go_on() {
    let postgres = Postgres::shared();
    let url = postgres.database();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let (store, notes) = open(&options(url.clone())).await;
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    tokio::task::block_in_place(|| postgres.cut(&database));
    // What a node has asked on a connection that had ended it asks on another one.
    assert!(store.find_by_id(id(1)).await.unwrap().is_some());
    eventually(async || {
        let gold = UserChange { plan: Plan::parse("gold").ok(), ..UserChange::default() };
        store.update(id(1), gold, Timestamp::from_millis(5), Beside::nothing()).await.is_ok()
    })
    .await;
    // And it hears of others again.
    let (other, _) = open(&options(url)).await;
    notes.take();
    eventually(async || {
        other.remove(ConfigKey::parse("APP_NAME").unwrap(), Beside::nothing()).await.unwrap();
        other.set(entry("APP_NAME", serde_json::json!("y")), Beside::nothing()).await.unwrap();
        notes.take().contains(&Change::Config)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_any_more_is_cancelled_and_keeps_nobody_waiting() {
    let postgres = Postgres::shared();
    let url = postgres.database();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let (store, _) = open(&PostgresOptions { pool_size: 2, ..options(url) }).await;
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    let mut holder = postgres
        .psql_beside(&database, "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)");
    let held =
        "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'users'::regclass";
    eventually(async || postgres.psql(&database, held) == "1").await;
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'users'::regclass";
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let store = Arc::clone(&store);
        readers.spawn(async move { store.find_by_id(id(1)).await.map(drop) });
    }
    eventually(async || postgres.psql(&database, waiting) == "2").await;
    readers.abort_all();
    eventually(async || postgres.psql(&database, waiting) == "0").await;
    // Both connections were in use.
    store.set(entry("APP_NAME", serde_json::json!("x")), Beside::nothing()).await.unwrap();
    holder.kill().unwrap();
    holder.wait().unwrap();
    postgres.cut(&database);
    eventually(async || store.find_by_id(id(1)).await.is_ok_and(|found| found.is_some())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nodes_that_start_at_once_each_finds_the_schema_made() {
    let options = options(Postgres::shared().database());
    let mut nodes = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let options = options.clone();
        nodes.spawn(async move { PostgresStore::open(&options, Arc::new(())).await.map(drop) });
    }
    for opened in nodes.join_all().await {
        opened.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_open_it_is_told_why_and_not_the_password() {
    let postgres = Postgres::shared();
    let url = postgres.database();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let refused =
        async |url: &str| PostgresStore::open(&options(url.to_owned()), Arc::new(())).await.err().unwrap();
    let wrong = refused(&url.replace("the-password", "a-password")).await;
    assert!(matches!(wrong, PostgresError::Connect { .. }));
    let told = wrong.to_string();
    assert!(told.contains("127.0.0.1") && told.contains("password authentication failed"), "{told}");
    assert!(!told.contains("test-bed"), "{told}");
    let nobody = refused("postgres://a:s3cret@127.0.0.1:1/x").await;
    assert!(nobody.is_temporary() && !wrong.is_temporary(), "{nobody:?}");
    let nobody = nobody.to_string();
    assert!(nobody.contains("refused") && nobody.contains("postgres://127.0.0.1:1/x"), "{nobody}");
    let unknown = refused(&url.replace(&database, "no-such-database")).await;
    assert!(matches!(unknown, PostgresError::Connect { .. }), "{unknown:?}");
    PostgresStore::open(&options(url.clone()), Arc::new(())).await.unwrap();
    postgres.psql(&database, "UPDATE refinery_schema_history SET version = 1000 WHERE version = 1");
    let newer = refused(&url).await.to_string();
    assert!(newer.contains("schema version 1000"), "{newer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_version_of_ours_writes_is_an_error_without_its_value() {
    let postgres = Postgres::shared();
    let url = postgres.database();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let (store, _) = open(&options(url)).await;
    let joe = appmixer_core::User { metadata: Metadata::default(), ..user(1, "joe@acme", &["user"]) };
    store.insert(joe, Beside::nothing()).await.unwrap();
    postgres.psql(&database, "UPDATE users SET metadata = 'secret-value'");
    let Err(StoreError::Corrupt(told)) = store.find_by_id(id(1)).await else { panic!("it was taken") };
    assert!(told.contains("metadata") && !told.contains("secret-value"), "{told}");
    let everything =
        AuditQuery { from: None, to: None, user: None, kinds: vec![], before: None, after: None, limit: 10 };
    postgres
        .psql(&database, "INSERT INTO audit (id, time, kind, details) VALUES (9, 1, 'secret-value', '{}')");
    let Err(StoreError::Corrupt(told)) = store.audit_entries(everything).await else {
        panic!("it was taken")
    };
    assert!(told.contains("audit 9, kind") && !told.contains("secret-value"), "{told}");
}
