//! Connections from a pool, what is asked over them, and transactions.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::metrics::Gauge;
use appmixer_core::{Change, StoreError};
use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, StatementCache, Timeouts,
};
use scopeguard::{ScopeGuard, guard};
use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, IsolationLevel, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::changes::{Changes, Pending};
use super::error::{Stop, is_read_only, is_transient, overtaken, store_error};
use super::open::{CONNECT_TIMEOUT, Connector, PostgresError, PostgresOptions};
use super::sql::Sql;
use crate::metrics;

/// How long a request waits for a connection, and for the database.
const WAIT: Duration = Duration::from_secs(8);
const PATIENCE: Duration = Duration::from_secs(10);

/// The same for what moves many rows.
const BULK_PATIENCE: Duration = Duration::from_mins(5);

/// How long a statement may go on that nobody waits for.
const GRACE: Duration = Duration::from_millis(250);

/// How often a transaction is tried that others were in the way of.
const ATTEMPTS: u32 = 20;

pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// What is done over a connection. It can be done again, should the first time not count.
pub(super) type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a write leaves behind: its answer, and what has changed.
pub(super) type Outcome<T> = (T, Option<Change>);

#[derive(Clone)]
pub(super) struct Database {
    pool: Pool,
    tls: MakeRustlsConnect,
    prepare: bool,
    pub(super) changes: Arc<Changes>,
}

/// A connection that somebody has, within a transaction or not. What is borrowed for `'scope` may be used by what is
/// done over it.
#[derive(Clone, Copy)]
pub(super) struct Session<'a, 'scope> {
    client: &'a Client,
    /// What is prepared, where statements may be.
    cache: Option<&'a StatementCache>,
    scope: PhantomData<&'a &'scope ()>,
}

pub(super) type Db<'a> = Session<'a, 'a>;

impl<'a> Session<'a, 'a> {
    /// Over a connection beside the pool.
    pub(super) const fn beside(client: &'a Client) -> Self {
        Self { client, cache: None, scope: PhantomData }
    }
}

impl Session<'_, '_> {
    pub(super) async fn all(&self, sql: &Sql, params: Params<'_>) -> Result<Vec<Row>, tokio_postgres::Error> {
        if let Some(cache) = self.cache {
            let statement = cache.prepare_typed(self.client, sql.text, sql.types).await?;
            self.client.query(&statement, params).await
        } else {
            self.client.query_typed(sql.text, &typed(sql.types, params)).await
        }
    }

    pub(super) async fn optional(
        &self,
        sql: &Sql,
        params: Params<'_>,
    ) -> Result<Option<Row>, tokio_postgres::Error> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// The first column of the only row; `None` if it is null, or there is no row.
    pub(super) async fn number(
        &self,
        sql: &Sql,
        params: Params<'_>,
    ) -> Result<Option<i64>, tokio_postgres::Error> {
        self.optional(sql, params).await?.map_or(Ok(None), |row| row.try_get(0))
    }

    /// How many rows it concerned.
    pub(super) async fn run(&self, sql: &Sql, params: Params<'_>) -> Result<u64, tokio_postgres::Error> {
        if let Some(cache) = self.cache {
            let statement = cache.prepare_typed(self.client, sql.text, sql.types).await?;
            self.client.execute(&statement, params).await
        } else {
            self.client.execute_typed(sql.text, &typed(sql.types, params)).await
        }
    }

    /// A statement that was put together: it is planned for these parameters.
    pub(super) async fn ask(
        &self,
        text: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.client.query_typed(text, params).await
    }
}

fn typed<'a>(types: &[Type], params: Params<'a>) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().copied().zip(types.iter().cloned()).collect()
}

impl Database {
    pub(super) fn new(
        connector: Connector,
        options: &PostgresOptions,
        changes: Arc<Changes>,
    ) -> Result<Self, PostgresError> {
        // Whether a connection is good its next user finds out; asking each time would double the way.
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let (tls, prepare) = (connector.tls.clone(), connector.prepare);
        let manager = Manager::from_config(connector.config, connector.tls, config);
        let timeouts =
            Timeouts { wait: Some(WAIT), create: Some(2 * CONNECT_TIMEOUT), recycle: Some(CONNECT_TIMEOUT) };
        let pool = Pool::builder(manager).max_size(options.pool_size).timeouts(timeouts);
        let pool = pool.runtime(Runtime::Tokio1).build();
        let pool = pool.map_err(|error| PostgresError::Schema { reason: error.to_string() })?;
        Ok(Self { pool, tls, prepare, changes })
    }

    /// A connection, which [`ended`] takes back. Dropped before, it is [`abandon`]ed.
    async fn connection(
        &self,
        waiting: &'static Gauge,
    ) -> Result<ScopeGuard<Object, impl FnOnce(Object) + use<>>, StoreError> {
        let _waits = Waits::among(waiting);
        let object = self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => store_error(&error),
            PoolError::Timeout(_) => {
                StoreError::Unavailable("no connection was free or made in time".to_owned())
            }
            error => StoreError::Unavailable(error.to_string()),
        })?;
        let tls = self.tls.clone();
        Ok(guard(object, |object| abandon(object, tls)))
    }

    /// Asks, once more if the connection turns out to have ended meanwhile.
    pub(super) async fn read<'scope, T>(
        &self,
        work: impl for<'a> Fn(Session<'a, 'scope>) -> Work<'a, Result<T, Stop<StoreError>>> + Send + Sync,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let mut again = true;
        loop {
            let object = self.connection(&metrics::READS_WAITING).await?;
            let asked = timeout(PATIENCE, work(self.session(&object, &object.statement_cache))).await;
            match ended(object, asked)? {
                Ok(answer) => {
                    metrics::READ.record(started.elapsed().as_secs_f64());
                    return Ok(answer);
                }
                Err(Stop::Refused(error)) => return Err(error),
                Err(Stop::Again) => return Err(overtaken()),
                Err(Stop::Database(error)) if again && was_cut(&error) => again = false,
                Err(Stop::Database(error)) => return Err(store_error(&error)),
            }
        }
    }

    /// Asks several things of one moment.
    pub(super) async fn read_one_moment<'scope, T>(
        &self,
        work: impl for<'a> Fn(Session<'a, 'scope>) -> Work<'a, Result<T, Stop<StoreError>>> + Send + Sync,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let mut object = self.connection(&metrics::READS_WAITING).await?;
        let asked = timeout(PATIENCE, self.one_moment(&mut object, true, work)).await;
        metrics::READ.record(started.elapsed().as_secs_f64());
        ended(object, asked)?.map_err(Stop::into_error)
    }

    /// Writes what follows from one moment. It is not tried again where others were in the way.
    pub(super) async fn write_one_moment<'scope, T, E: From<StoreError>>(
        &self,
        patience: Duration,
        work: impl for<'a> Fn(Session<'a, 'scope>) -> Work<'a, Result<T, Stop<E>>> + Send + Sync,
    ) -> Result<T, E> {
        let mut object = self.connection(&metrics::WRITES_WAITING).await?;
        let written = timeout(patience, self.one_moment(&mut object, false, work)).await;
        ended(object, written)?.map_err(Stop::into_error)
    }

    async fn one_moment<'scope, T, E>(
        &self,
        object: &mut Object,
        read_only: bool,
        work: impl for<'a> Fn(Session<'a, 'scope>) -> Work<'a, Result<T, Stop<E>>> + Send + Sync,
    ) -> Result<T, Stop<E>> {
        let snapshot = object.build_transaction().read_only(read_only);
        let snapshot = snapshot.isolation_level(IsolationLevel::RepeatableRead).start().await?;
        let answer = work(self.session(snapshot.client(), &snapshot.statement_cache)).await?;
        snapshot.commit().await?;
        Ok(answer)
    }

    /// Writes, in one transaction, which is on disk when this returns. It is tried again where others were in the
    /// way. Should the caller give up meanwhile, either all of it is done or nothing.
    pub(super) async fn write<'scope, T, E: From<StoreError>>(
        &self,
        work: impl for<'a> Fn(Session<'a, 'scope>) -> Work<'a, Result<Outcome<T>, Stop<E>>> + Send + Sync,
    ) -> Result<T, E> {
        self.write_within(PATIENCE, work).await
    }

    /// The same for many rows.
    pub(super) async fn write_much<'scope, T, E: From<StoreError>>(
        &self,
        work: impl for<'a> Fn(Session<'a, 'scope>) -> Work<'a, Result<Outcome<T>, Stop<E>>> + Send + Sync,
    ) -> Result<T, E> {
        self.write_within(BULK_PATIENCE, work).await
    }

    async fn write_within<'scope, T, E: From<StoreError>>(
        &self,
        patience: Duration,
        work: impl for<'a> Fn(Session<'a, 'scope>) -> Work<'a, Result<Outcome<T>, Stop<E>>> + Send + Sync,
    ) -> Result<T, E> {
        let started = Instant::now();
        let mut attempt = 1;
        loop {
            let mut object = self.connection(&metrics::WRITES_WAITING).await?;
            let written = timeout(patience, async {
                let transaction = object.transaction().await?;
                let session = self.session(transaction.client(), &transaction.statement_cache);
                let (answer, change) = work(session).await?;
                let pending = Pending::record(&self.changes, session, change).await?;
                transaction.commit().await?;
                pending.committed();
                Ok(answer)
            });
            let written = written.await;
            let again = match ended(object, written)? {
                Ok(answer) => {
                    metrics::WRITE.record(started.elapsed().as_secs_f64());
                    return Ok(answer);
                }
                Err(Stop::Refused(error)) => return Err(error),
                Err(Stop::Again) => overtaken(),
                Err(Stop::Database(error)) if is_transient(&error) => store_error(&error),
                Err(Stop::Database(error)) => return Err(store_error(&error).into()),
            };
            if attempt == ATTEMPTS {
                return Err(again.into());
            }
            // Each a little later than the last time, and not all at the same moment.
            tokio::time::sleep(Duration::from_millis(u64::from(attempt) * (1 + random() % 4))).await;
            attempt += 1;
        }
    }

    fn session<'a, 'scope>(&self, client: &'a Client, cache: &'a StatementCache) -> Session<'a, 'scope> {
        Session { client, cache: self.prepare.then_some(cache), scope: PhantomData }
    }
}

/// Whoever waits for a connection, as long as that lasts.
struct Waits(&'static Gauge);

impl Waits {
    fn among(waiting: &'static Gauge) -> Self {
        waiting.increment(1.0);
        Self(waiting)
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A number that differs from call to call.
pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0_u8)
}

/// The connection had ended before anything was done over it.
fn was_cut(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || error.code().is_some_and(|code| code.code().starts_with("57P"))
}

/// What came of it. A connection that was cut, which the pool may not see yet, or that leads to a server that takes no
/// writes any more, does not go back.
fn ended<T, E>(
    connection: ScopeGuard<Object, impl FnOnce(Object)>,
    asked: Result<Result<T, Stop<E>>, Elapsed>,
) -> Result<Result<T, Stop<E>>, StoreError> {
    match asked {
        Ok(Err(Stop::Database(error))) if was_cut(&error) || is_read_only(&error) => {
            drop(Object::take(ScopeGuard::into_inner(connection)));
            Ok(Err(Stop::Database(error)))
        }
        Ok(outcome) => {
            drop(ScopeGuard::into_inner(connection));
            Ok(outcome)
        }
        Err(_) => Err(StoreError::Unavailable("the database did not answer in time".to_owned())),
    }
}

/// What becomes of a connection whose user has given up, perhaps because its own client has: a statement goes on that
/// nobody waits for, and whoever got the connection next would wait for it. Most are answered a moment later; what is
/// not is cancelled, and the connection not used again, since a cancellation may arrive late and hit the next statement.
fn abandon(connection: Object, tls: MakeRustlsConnect) {
    let Ok(runtime) = Handle::try_current() else {
        drop(Object::take(connection));
        return;
    };
    runtime.spawn(async move {
        match timeout(GRACE, connection.batch_execute("")).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => drop(Object::take(connection)),
            Err(_) => {
                let _ = timeout(CONNECT_TIMEOUT, connection.cancel_token().cancel_query(tls)).await;
                drop(Object::take(connection));
            }
        }
    });
}
