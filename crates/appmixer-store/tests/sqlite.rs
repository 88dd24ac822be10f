//! The SQLite store: what every store promises, and what the file does.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "the test harness captures what tests print")]
#![allow(clippy::unused_async, reason = "other stores wait until they are open")]

mod suite;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use appmixer_core::{
    AuditEntry, AuditKind, Beside, Change, Origin, Plan, Settings as _, Store, StoreError, Timestamp,
    UserChange, Users as _, WriteError,
};
use appmixer_store::{OpenError, Role, SqliteStore};
use suite::{Notes, id, user};
use tempfile::TempDir;

fn scratch() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data").join("appmixer.sqlite");
    (folder, path)
}

fn open(path: &std::path::Path, role: Role) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, role, Arc::new(Notes::default()))
}

async fn open_new(notes: Arc<Notes>) -> (Arc<dyn Store>, TempDir) {
    let (folder, path) = scratch();
    (Arc::new(SqliteStore::open(&path, Role::Server, notes).unwrap()), folder)
}

suite::every_promise!(super::open_new);

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_and_the_log_is_folded_in() {
    let (_folder, path) = scratch();
    let store = open(&path, Role::Server).unwrap();
    store.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    drop(store);
    assert!(!path.with_extension("sqlite-wal").exists(), "closed cleanly");
    let store = open(&path, Role::Server).unwrap();
    assert_eq!(store.find_by_id(id(1)).await, Ok(Some(user(1, "joe@acme", &["user"]))));
}

#[tokio::test]
async fn what_is_beside_a_change_is_kept_with_it_and_beside_none_that_is_refused() {
    let (_folder, path) = scratch();
    let store = open(&path, Role::Server).unwrap();
    let beside = |kind, number, millis| {
        let entry = AuditEntry::new(Timestamp::from_millis(millis), kind, &Origin::command_line(1000))
            .about(id(number));
        Beside::from(entry)
    };
    let joe = || user(1, "joe@acme", &["user"]);
    store.insert(joe(), beside(AuditKind::UserCreated, 1, 5_000)).await.unwrap();
    let again = store.insert(joe(), beside(AuditKind::UserCreated, 1, 6_000)).await;
    assert!(again.is_err());
    let change =
        UserChange { is_active: Some(false), plan: Plan::parse("free").ok(), ..UserChange::default() };
    let now = Timestamp::from_millis(9_000);
    // A clock that goes back a little does not put an entry before those that are there.
    store.update(id(1), change.clone(), now, beside(AuditKind::UserChanged, 1, 4_000)).await.unwrap();
    let unknown = store.update(id(2), change, now, beside(AuditKind::UserChanged, 2, 7_000)).await;
    assert_eq!(unknown, Err(WriteError::NotFound));
    let key = appmixer_core::ConfigKey::parse("APP_NAME").unwrap();
    assert_eq!(store.remove(key, beside(AuditKind::ConfigRemoved, 1, 7_000)).await, Ok(false));
    drop(store);

    let database = rusqlite::Connection::open(&path).unwrap();
    let mut statement = database.prepare("SELECT time, kind, uid, details FROM audit ORDER BY id").unwrap();
    let rows: Vec<(i64, String, u32, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let row = |time, kind: &str, details: &str| (time, kind.to_owned(), 1000, details.to_owned());
    assert_eq!(
        rows,
        [row(5_000, "user-created", "{}"), row(5_000, "user-changed", r#"{"members":["isActive"]}"#)]
    );
}

#[test]
fn the_file_is_its_owners_alone() {
    let (_folder, path) = scratch();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let store = open(&path, Role::Server).unwrap();
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for name in ["appmixer.sqlite", "appmixer.sqlite-wal", "appmixer.sqlite-shm", "appmixer.sqlite.lock"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
    drop(store);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(open(&path, Role::Server).unwrap());
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn one_server_a_file_and_commands_beside_it_that_it_hears_of() {
    let (_folder, path) = scratch();
    let notes = Arc::new(Notes::default());
    let server = SqliteStore::open(&path, Role::Server, notes.clone()).unwrap();
    let refusal = open(&path, Role::Server).err().unwrap();
    assert!(matches!(refusal, OpenError::InUse { .. }));
    assert!(refusal.to_string().contains("in use by another server"), "{refusal}");

    let beside = open(&path, Role::Beside).unwrap();
    beside.insert(user(1, "joe@acme", &["user"]), Beside::nothing()).await.unwrap();
    assert!(server.find_by_id(id(1)).await.unwrap().is_some());
    let deadline = Instant::now() + Duration::from_secs(10);
    while notes.take() != [Change::Everything] {
        assert!(Instant::now() < deadline, "the server did not hear of the change");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Its own writes are no news to it.
    server.insert(user(2, "ann@acme", &["user"]), Beside::nothing()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(notes.take(), []);

    drop(server);
    drop(open(&path, Role::Server).unwrap());
}

#[test]
fn many_that_open_a_new_file_at_once_all_can() {
    let (_folder, path) = scratch();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drop(open(&path, Role::Beside).unwrap()));
        }
    });
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (_folder, path) = scratch();
    drop(open(&path, Role::Server).unwrap());
    let insert = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (999, 'x', 'y', '1')";
    rusqlite::Connection::open(&path).unwrap().execute(insert, []).unwrap();
    let refusal = open(&path, Role::Server).err().unwrap();
    assert!(matches!(refusal, OpenError::NewerSchema { found: 999, .. }), "{refusal}");
}

#[test]
fn what_is_no_database_and_what_cannot_be_made_is_told_by_its_path() {
    let (_folder, path) = scratch();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "this is a shopping list, not a database; ".repeat(100)).unwrap();
    let refusal = open(&path, Role::Server).err().unwrap();
    assert!(matches!(refusal, OpenError::Damaged { .. }), "{refusal}");
    assert!(refusal.to_string().contains("appmixer.sqlite"), "{refusal}");

    // Below a file there can be no folder, whoever asks.
    let refusal = open(&path.join("deeper").join("x.sqlite"), Role::Server).err().unwrap();
    assert!(matches!(refusal, OpenError::Unusable { .. }), "{refusal}");

    let link = path.with_file_name("link.sqlite");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    assert!(matches!(open(&link, Role::Server).err().unwrap(), OpenError::Unusable { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_the_write_and_loses_nothing_that_was_acknowledged() {
    // A file system of one mebibyte, or nothing to test with.
    let folder = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(folder.path())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    let path = folder.path().join("full.sqlite");
    let store = Arc::new(open(&path, Role::Server).unwrap());
    let mut made = Vec::new();
    let refusal = loop {
        let number = u32::try_from(made.len()).unwrap();
        let mut big = user(number, &format!("u{number}@acme"), &["user"]);
        let filler = serde_json::json!({ "filler": "x".repeat(8000) });
        big.metadata = appmixer_core::Metadata::new(filler.as_object().unwrap().clone()).unwrap();
        match store.insert(big, Beside::nothing()).await {
            Ok(()) => made.push(number),
            Err(error) => break error,
        }
    };
    assert!(!made.is_empty());
    assert!(
        matches!(refusal, WriteError::Store(StoreError::ReadOnly(_) | StoreError::Unavailable(_))),
        "{refusal}"
    );
    for number in &made {
        assert!(store.find_by_id(id(*number)).await.unwrap().is_some(), "{number}");
    }
    // With room again, it goes on by itself.
    let bigger =
        std::process::Command::new("mount").args(["-o", "remount,size=8m"]).arg(folder.path()).status();
    assert!(bigger.unwrap().success());
    store.insert(user(100_000, "later@acme", &["user"]), Beside::nothing()).await.unwrap();
    assert_eq!(store.entries().await, Ok(vec![]));
    drop(store);
    let check: String = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    let unmounted = std::process::Command::new("umount").arg(folder.path()).status();
    assert!(unmounted.unwrap().success());
}
