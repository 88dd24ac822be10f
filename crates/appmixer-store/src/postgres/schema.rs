//! Brings the schema up to date. Nodes that start together take turns.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::error::{is_away, with_cause};
use super::open::{Connector, PostgresError};

mod embedded {
    refinery::embed_migrations!("migrations/postgres");
}

/// Whose turn it is. Held by a transaction, so that it works through proxies too and ends with the connection.
const TURN: &str = "BEGIN; SELECT pg_advisory_xact_lock(7283649125)";
const NO_TURN: &str = "ROLLBACK";

const HAS_HISTORY: &str = "SELECT 1 FROM information_schema.tables \
     WHERE table_schema = current_schema() AND table_name = 'refinery_schema_history'";
const VERSION: &str = "SELECT CAST(coalesce(max(version), 0) AS BIGINT) FROM refinery_schema_history";

/// What makes patterns quick, where the extension is there. Without it the names are gone through.
const TRIGRAMS: &str = "CREATE EXTENSION IF NOT EXISTS pg_trgm";
const TRIGRAM_INDEX: &str =
    "CREATE INDEX IF NOT EXISTS names_by_trigram ON names USING gin (folded gin_trgm_ops)";
const HAS_TRIGRAM_INDEX: &str =
    "SELECT 1 FROM pg_indexes WHERE schemaname = current_schema() AND indexname = 'names_by_trigram'";
/// To make an index of more names takes long: an operator decides when.
const FEW_NAMES: &str = "SELECT count(*) <= 10000 FROM (SELECT 1 FROM names LIMIT 10001) AS some_names";

const UNFINISHED: &str = "SELECT 1 FROM unfinished_copy";

/// Brings up to date what is to be used.
///
/// # Errors
/// Besides those of bringing it up to date, [`PostgresError::Unfinished`].
pub(super) async fn prepare(connector: &Connector) -> Result<(), PostgresError> {
    let client = migrate(connector).await?;
    let unfinished = is_unfinished(&client).await.map_err(failed)?;
    if unfinished { Err(PostgresError::Unfinished) } else { Ok(()) }
}

/// Whether it is the target of a copy that was not finished.
pub(super) async fn is_unfinished(client: &Client) -> Result<bool, tokio_postgres::Error> {
    Ok(!client.query_typed(UNFINISHED, &[]).await?.is_empty())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
pub(super) fn failed(error: tokio_postgres::Error) -> PostgresError {
    let reason = with_cause(&error);
    if is_away(&error) { PostgresError::Broken { reason } } else { PostgresError::Schema { reason } }
}

/// A connection to what is up to date.
pub(super) async fn migrate(connector: &Connector) -> Result<Client, PostgresError> {
    let mut client = connector.connect().await.map_err(|error| connector.unreachable(&error))?;
    if version(&client).await.map_err(failed)? == newest_known() && has_trigrams(&client).await {
        return Ok(client);
    }
    let turn = connector.connect().await.map_err(|error| connector.unreachable(&error))?;
    match turn.batch_execute(TURN).await {
        Ok(()) => {}
        // An engine without such locks runs statements that change the schema one after the other.
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_FUNCTION) => {
            turn.batch_execute(NO_TURN).await.map_err(failed)?;
        }
        Err(error) => return Err(failed(error)),
    }
    let found = version(&client).await.map_err(failed)?;
    let known = newest_known();
    if found > known {
        return Err(PostgresError::NewerSchema { found, known });
    }
    if found < known {
        let outcome = embedded::migrations::runner().run_async(&mut client).await;
        outcome.map_err(|error| PostgresError::Schema { reason: error.to_string() })?;
    }
    index_trigrams(&client).await;
    drop(turn);
    Ok(client)
}

async fn index_trigrams(client: &Client) {
    if has_trigrams(client).await || client.batch_execute(TRIGRAMS).await.is_err() {
        return;
    }
    let few = client
        .query_typed(FEW_NAMES, &[])
        .await
        .is_ok_and(|rows| rows.first().is_some_and(|row| row.try_get(0).unwrap_or(false)));
    if !few {
        tracing::warn!(
            "searches for a part of a name go through all names; an index makes them quick: {TRIGRAM_INDEX}"
        );
    } else if let Err(error) = client.batch_execute(TRIGRAM_INDEX).await {
        tracing::debug!(error = with_cause(&error), "no index for parts of names");
    }
}

async fn has_trigrams(client: &Client) -> bool {
    client.query_typed(HAS_TRIGRAM_INDEX, &[]).await.is_ok_and(|rows| !rows.is_empty())
}

/// The version that a database has, whatever has to be done to it.
pub(super) async fn version_before(connector: &Connector) -> Result<i64, PostgresError> {
    let client = connector.connect().await.map_err(|error| connector.unreachable(&error))?;
    version(&client).await.map_err(failed)
}

pub(super) fn newest_known() -> i64 {
    let migrations = embedded::migrations::runner();
    migrations.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

/// The version that the database has; 0 for a new one.
pub(super) async fn version(client: &Client) -> Result<i64, tokio_postgres::Error> {
    if client.query_typed(HAS_HISTORY, &[]).await?.is_empty() {
        return Ok(0);
    }
    client.query_typed_one(VERSION, &[]).await?.try_get(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use appmixer_core::{Daily, Filter, Sort, Stretch, Timestamp, UserQuery, Users as _, daily};
    use appmixer_testbed::Postgres;
    use refinery::Target;

    use super::*;
    use crate::{PostgresOptions, PostgresStore};

    #[tokio::test]
    async fn users_who_were_never_active_are_pending_and_an_older_node_goes_on_writing() {
        let stale_after = std::time::Duration::from_secs(5);
        let url = Postgres::shared().database();
        let options = PostgresOptions { url, pool_size: 2, prepare: true, stale_after, ca_file: None };
        let mut old = Connector::new(&options).unwrap().connect().await.unwrap();
        embedded::migrations::runner().set_target(Target::Version(3)).run_async(&mut old).await.unwrap();
        let insert = |id: u8, is_active: bool| {
            let id = format!("{id:02x}").repeat(12);
            format!(
                "INSERT INTO users (id, username, email, password_hash, scope, plan, is_active, \
                 allowed_private_components, metadata, created, modified, generation) \
                 VALUES ('\\x{id}', '{id}@x', '{id}@x', '$h', '[\"user\"]', 'free', {is_active}, '[]', '{{}}', 5, 5, 0);"
            )
        };
        let entry = |kind: &str, id: u8| {
            let id = format!("{id:02x}").repeat(12);
            format!(
                "INSERT INTO audit_arrivals (time, kind, subject, details) \
                 VALUES (1, '{kind}', '\\x{id}', '{{\"members\":[\"isActive\"]}}');"
            )
        };
        // The log has no creation of user 6 any more, and user 3 was deactivated.
        let users = [(1, true), (2, false), (3, false), (4, false), (6, false)];
        let users: String = users.into_iter().map(|(id, is_active)| insert(id, is_active)).collect();
        let created: String = [1, 2, 3, 4].map(|id| entry("user-created", id)).concat();
        let changed = entry("user-changed", 3);
        old.batch_execute(&format!("{users}{created}{changed}")).await.unwrap();
        PostgresStore::migrate(&options).await.unwrap();
        old.batch_execute(&insert(5, false)).await.unwrap();

        let store = PostgresStore::open(&options, Arc::new(())).await.unwrap();
        let query = UserQuery { filters: vec![Filter::Pending], pattern: None };
        let page = store.search(query, Sort::default(), Stretch { offset: 0, limit: 9 }).await.unwrap();
        let ids: Vec<_> = page.users.iter().map(|user| user.id.as_bytes()[0]).collect();
        assert_eq!((ids, page.total), (vec![4, 2], 2));
        let untrusted = store.list(None, 9).await.unwrap();
        let untrusted = untrusted.iter().filter(|user| !user.address_is_trusted()).count();
        assert_eq!(untrusted, 5, "nothing that is stored says who created them");
    }

    #[tokio::test]
    async fn what_the_log_of_an_older_version_has_or_is_about_to_have_is_counted_by_days() {
        let stale_after = std::time::Duration::from_secs(5);
        let url = Postgres::shared().database();
        let options = PostgresOptions { url, pool_size: 2, prepare: true, stale_after, ca_file: None };
        let mut old = Connector::new(&options).unwrap().connect().await.unwrap();
        embedded::migrations::runner().set_target(Target::Version(1)).run_async(&mut old).await.unwrap();
        old.batch_execute(
            "INSERT INTO audit (id, time, kind, details) VALUES (1, 86399999, 'sign-in', '{}'), \
             (2, 86400000, 'sign-in', '{}'), (3, 86400001, 'sign-in-failed', '{}'), (4, 86400001, 'config-set', '{}'); \
             INSERT INTO audit_arrivals (time, kind, details) VALUES (86400002, 'sign-in', '{}'), \
             (172799999, 'user-created', '{}'); UPDATE turns SET value = 4 WHERE name = 'audit'",
        )
        .await
        .unwrap();
        assert_eq!(PostgresStore::migrate(&options).await.unwrap(), (1, newest_known()));
        let store = PostgresStore::open(&options, Arc::new(())).await.unwrap();
        let days = daily(&store, Timestamp::from_millis(100_000_000), 2).await.unwrap();
        let numbers = |day: &Daily| (day.sign_ups, day.sign_ins, day.failures);
        assert_eq!(days.iter().map(numbers).collect::<Vec<_>>(), [(0, 1, 0), (1, 2, 1)]);
    }
}
