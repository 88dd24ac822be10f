//! Brings the schema up to date.

use std::fs::File;
use std::path::Path;

use appmixer_core::LoginName;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, OptionalExtension as _};

use super::open::OpenError;
use super::{grams, sql};

mod embedded {
    refinery::embed_migrations!("migrations/sqlite");
}

pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let known = newest_known();
    if version(connection).map_err(|error| OpenError::of(path, &error))? == known {
        return Ok(());
    }
    // A server and a command that start together take turns. The lock goes with the file handle.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let turn = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
    let _turn = turn.map_err(|error| OpenError::Unusable { path: folder.to_owned(), error })?;

    let found = version(connection).map_err(|error| OpenError::of(path, &error))?;
    if found > known {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, known });
    }
    if found > 0 {
        // Where there are millions of users it may take minutes.
        tracing::info!(from = found, to = known, "bringing the database up to date");
    }
    define_functions(connection).map_err(|error| OpenError::of(path, &error))?;
    let outcome = embedded::migrations::runner().run(connection);
    outcome.map(drop).map_err(|error| OpenError::Sqlite { path: path.to_owned(), reason: error.to_string() })
}

/// The SQL of a migration compares names as the domain does, and takes them apart as the text index has them.
fn define_functions(connection: &Connection) -> rusqlite::Result<()> {
    let fold = |context: &Context<'_>| {
        let name: String = context.get(0)?;
        let name =
            LoginName::parse(&name).map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))?;
        Ok(name.folded().to_owned())
    };
    let grams = |context: &Context<'_>| {
        let mut text = String::new();
        grams::add(context.get_raw(0).as_str()?, &mut text);
        Ok(text)
    };
    connection.create_scalar_function("fold_name", 1, FunctionFlags::SQLITE_DETERMINISTIC, fold)?;
    connection.create_scalar_function("grams", 1, FunctionFlags::SQLITE_DETERMINISTIC, grams)
}

/// Brings up to date what is to be used.
///
/// # Errors
/// Besides those of bringing it up to date, [`OpenError::Unfinished`].
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    migrate(connection, path)?;
    if is_unfinished(connection).map_err(|error| OpenError::of(path, &error))? {
        return Err(OpenError::Unfinished { path: path.to_owned() });
    }
    Ok(())
}

/// Whether it is the target of a copy that was not finished.
pub(super) fn is_unfinished(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached(sql::UNFINISHED)?.exists([])
}

pub(super) fn newest_known() -> i64 {
    let migrations = embedded::migrations::runner();
    migrations.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

/// The version that the file has; 0 for a new one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    let has_history: Option<i64> = connection.query_row(sql::HAS_HISTORY, [], |row| row.get(0)).optional()?;
    if has_history.is_none() {
        return Ok(0);
    }
    connection
        .query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use appmixer_core::{
        AuditEntry, AuditKind, AuditLog as _, Daily, Filter, Origin, Pattern, Sort, SortKey, Stretch,
        Timestamp, UserQuery, Users as _, daily,
    };
    use refinery::Target;

    use super::*;
    use crate::{Role, SqliteStore, Swap, back_up, examine};

    /// Two thousand users, as the third version kept them.
    const USERS: &str = r#"
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000)
        INSERT INTO users
        SELECT n, randomblob(12), 'ŽOFIE' || n || '@x', iif(n % 2, 'Mail' || n || '@y', 'žofie' || n || '@X'), '$hash',
            iif(n = 7, '["user","admin"]', '["user"]'), 'free', n % 2, iif(n % 4, NULL, '["a","b","a"]'), '[]', NULL,
            NULL, '{}', 1000000 - n, 1000000, 0
        FROM numbers;
        INSERT INTO login_names
        SELECT 'žofie' || number || '@x', number FROM users
        UNION ALL SELECT 'mail' || number || '@y', number FROM users WHERE number % 2;
        INSERT INTO user_scopes SELECT scope.value, number FROM users, json_each(scope) AS scope;
    "#;

    #[tokio::test]
    async fn users_of_an_older_versions_backup_are_found_after_the_change_to_this_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.sqlite");
        let mut old = Connection::open(&path).unwrap();
        embedded::migrations::runner().set_target(Target::Version(3)).run(&mut old).unwrap();
        old.execute_batch(USERS).unwrap();
        // The sixth version brings the audit log. Of user 6 it has no creation any more, and user 2 was deactivated.
        define_functions(&old).unwrap();
        embedded::migrations::runner().set_target(Target::Version(6)).run(&mut old).unwrap();
        old.execute_batch(
            "INSERT INTO audit (time, kind, user, details) \
             SELECT 1, 'user-changed', id, iif(number = 2, '{\"members\":[\"isActive\"]}', '{\"members\":[\"plan\"]}') \
             FROM users WHERE number IN (2, 4); \
             INSERT INTO audit (time, kind, user, details) \
             SELECT 0, 'user-created', id, '{}' FROM users WHERE number <> 6",
        )
        .unwrap();
        drop(old);

        // The way of a backup: looked at, copied, and put in the place of another.
        let copy = folder.path().join("copy");
        assert_eq!(examine(&path, true).unwrap().schema, 6);
        back_up(&path, &copy, |_| ()).unwrap();
        let path = folder.path().join("data").join("appmixer.sqlite");
        assert!(!Swap::begin(&path).unwrap().finish(&copy, None).unwrap());
        let store = SqliteStore::open(&path, Role::Server, Arc::new(())).unwrap();
        let count = async |filters: &[&str], pattern: Option<&str>| {
            let filters = filters.iter().map(|text| Filter::parse(text).unwrap()).collect();
            let pattern = pattern.map(|text| Pattern::parse(text).unwrap());
            store.count(UserQuery { filters, pattern }).await.unwrap()
        };
        assert_eq!(count(&[], None).await, 2000);
        assert_eq!(count(&["scope:user"], None).await, 2000);
        assert_eq!(count(&["scope:admin"], None).await, 1);
        assert_eq!(count(&["vendor:a", "isActive:false"], None).await, 500);
        assert_eq!(count(&["isActive:true"], Some("žofie")).await, 1000);
        assert_eq!(
            count(&["pending"], None).await,
            998,
            "who may have been deactivated does not become active alone"
        );
        assert_eq!(count(&["pending", "isActive:true"], None).await, 0);
        assert_eq!(count(&[], Some("MAIL19")).await, 56);
        assert!(store.any_admin().await.unwrap());
        for (key, first) in [
            (SortKey::Created, "ŽOFIE2000@x"),
            (SortKey::Username, "ŽOFIE1000@x"),
            (SortKey::Email, "ŽOFIE1001@x"),
        ] {
            let sort = Sort { key, descending: false };
            let page =
                store.search(UserQuery::default(), sort, Stretch { offset: 0, limit: 2 }).await.unwrap();
            assert_eq!(page.total, 2000);
            assert_eq!(page.users[0].names.username.as_str(), first, "{key:?}");
        }
    }

    #[tokio::test]
    async fn what_the_log_of_an_older_version_has_is_counted_by_days() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.sqlite");
        let mut old = Connection::open(&path).unwrap();
        define_functions(&old).unwrap();
        embedded::migrations::runner().set_target(Target::Version(8)).run(&mut old).unwrap();
        old.execute_batch(
            "INSERT INTO audit (time, kind, details) VALUES (86399999, 'sign-in', '{}'), (86400000, 'sign-in', '{}'), \
             (86400001, 'sign-in', '{}'), (86400001, 'sign-in-failed', '{}'), (172799999, 'user-created', '{}'), \
             (172799999, 'user-changed', '{}')",
        )
        .unwrap();
        drop(old);
        let store = SqliteStore::open(&path, Role::Server, Arc::new(())).unwrap();
        // What comes later is added to it, in the same rows.
        let now = Timestamp::from_millis(100_000_000);
        store.note(AuditEntry::new(now, AuditKind::SignIn, &Origin::anonymous(None)));
        drop(store);
        let store = SqliteStore::open(&path, Role::Server, Arc::new(())).unwrap();
        let days = daily(&store, now, 2).await.unwrap();
        let numbers = |day: &Daily| (day.sign_ups, day.sign_ins, day.failures);
        assert_eq!(days.iter().map(numbers).collect::<Vec<_>>(), [(0, 1, 0), (1, 3, 1)]);
        drop(store);
        let rows = Connection::open(&path).unwrap();
        let rows = rows.query_row("SELECT count(*) FROM daily_counts", [], |row| row.get::<_, i64>(0));
        assert_eq!(rows, Ok(4));
    }
}
