//! PostgreSQL as the source or the target of a copy. See [`crate::copy`].

use appmixer_core::{StoreError, WriteError};
use async_trait::async_trait;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Transaction};

use super::audit::shown;
use super::db::{Session, random};
use super::error::{Stop, store_error, with_cause};
use super::open::{APPLICATION, Connector, PostgresError, PostgresOptions};
use super::{counting, index, schema};
use crate::copy::{self, AUDIT, CopyError, Kind, Reader, Row, Side, Table, USERS, Value, Writer};

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const USERS_OF_DATABASE: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE datname = current_database() AND application_name = $1";

const LAST_AUDIT_ID: &str = "SELECT value FROM turns WHERE name = 'audit'";
const LAST_AUDIT_TIME: &str = "SELECT time FROM audit ORDER BY id DESC LIMIT 1";
const ARRIVALS: &str =
    "SELECT time, kind, actor, uid, address, subject, details FROM audit_arrivals ORDER BY number";
const ANY_ARRIVAL: &str = "SELECT 1 FROM audit_arrivals LIMIT 1";
const SET_LAST_AUDIT_ID: &str = "UPDATE turns SET value = $1 WHERE name = 'audit'";

/// Whoever has lost its connection holds nobody up for long.
const LIMITS: &str = "SET LOCAL lock_timeout = '60s'; SET LOCAL idle_in_transaction_session_timeout = '60s'";
const MARKED: &str = "SELECT source FROM unfinished_copy FOR UPDATE";
const MARK: &str = "INSERT INTO unfinished_copy (one, source, run) VALUES (1, $1, $2)";
const TAKE_OVER: &str = "UPDATE unfinished_copy SET run = $1";
const MINE: &str = "SELECT 1 FROM unfinished_copy WHERE run = $1 FOR UPDATE";
const UNMARK: &str = "DELETE FROM unfinished_copy";
/// The row that every new database has is the source's.
const FORGET_KEYS: &str = "DELETE FROM signing_keys";
/// Before the first request, instead of some time after it.
const ANALYZE: &str = "ANALYZE users, names, user_facets, audit";

/// Numbers are given behind the last one that went over.
const NUMBERED: [&str; 2] = ["users", "signing_keys"];

/// What is copied.
pub(crate) struct Source(Connector);

impl Source {
    pub(crate) async fn open(options: &PostgresOptions) -> Result<Self, CopyError> {
        let connector = Connector::to_copy(options)?;
        let client = connector.connect().await.map_err(|error| connector.unreachable(&error))?;
        let failed = |error: tokio_postgres::Error| PostgresError::Schema { reason: with_cause(&error) };
        let (found, known) = (schema::version(&client).await.map_err(failed)?, schema::newest_known());
        if found > known {
            return Err(PostgresError::NewerSchema { found, known }.into());
        }
        if found < known {
            return Err(CopyError::OldSchema { found, known });
        }
        if schema::is_unfinished(&client).await.map_err(failed)? {
            return Err(CopyError::UnfinishedSource);
        }
        Ok(Self(connector))
    }
}

#[async_trait]
impl Side for Source {
    async fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        reader(&self.0).await
    }

    async fn users(&self) -> u64 {
        users(&self.0).await
    }
}

/// A connection with a transaction that sees one moment.
struct Snapshot {
    client: Client,
    /// What will be the end of the audit log.
    arrivals: Option<Vec<Row>>,
}

async fn reader(connector: &Connector) -> Result<Box<dyn Reader>, StoreError> {
    let client = connector.connect().await.map_err(|error| store_error(&error))?;
    client.batch_execute(SNAPSHOT).await.map_err(|error| store_error(&error))?;
    Ok(Box::new(Snapshot { client, arrivals: None }))
}

async fn users(connector: &Connector) -> u64 {
    let count = async {
        let client = connector.connect().await?;
        client.query_typed_one(USERS_OF_DATABASE, &[(&APPLICATION, Type::TEXT)]).await?.try_get::<_, i64>(0)
    };
    count.await.unwrap_or(0).unsigned_abs()
}

#[async_trait]
impl Reader for Snapshot {
    async fn page(
        &mut self,
        table: &'static Table,
        after: Option<&Value>,
        limit: i64,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = self.rows(table, after, limit).await.map_err(|error| store_error(&error))?;
        let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(rows.len());
        if table.name == AUDIT.name && room > 0 {
            let last = rows.last().and_then(|row| row.first()).or(after).cloned();
            let arrivals = self.arrivals().await?;
            rows.extend(arrivals.iter().filter(|row| is_behind(row, last.as_ref())).take(room).cloned());
        }
        Ok(rows)
    }

    async fn count(&mut self, table: &'static Table) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {}", table.name);
        let number = self.number(&sql).await.map_err(|error| store_error(&error))?.unwrap_or(0);
        let arrivals = if table.name == AUDIT.name { self.arrivals().await?.len() as u64 } else { 0 };
        Ok(number.unsigned_abs() + arrivals)
    }

    async fn last_key(&mut self, table: &'static Table) -> Result<Option<Value>, StoreError> {
        let (column, order) = (&table.columns[0], order(table));
        let sql = format!("SELECT {} FROM {} ORDER BY {order} DESC LIMIT 1", column.postgres, table.name);
        let found = self
            .client
            .query_typed(&sql, &[])
            .await
            .and_then(|rows| rows.first().map(|row| value(column.kind, row, 0)).transpose());
        found.map_err(|error| store_error(&error))
    }

    async fn last_audit_id(&mut self) -> Result<i64, StoreError> {
        let last = self.number(LAST_AUDIT_ID).await.map_err(|error| store_error(&error))?;
        let arrivals = i64::try_from(self.arrivals().await?.len()).unwrap_or(i64::MAX);
        Ok(last.unwrap_or(0).saturating_add(arrivals))
    }
}

/// The key as rows are ordered by it: texts byte by byte.
fn order(table: &Table) -> String {
    let column = &table.columns[0];
    let collation = if column.kind == Kind::Text { " COLLATE \"C\"" } else { "" };
    format!("{}{collation}", column.postgres)
}

fn is_behind(row: &Row, last: Option<&Value>) -> bool {
    match (row.first(), last) {
        (Some(Value::Int(id)), Some(Value::Int(last))) => id > last,
        _ => true,
    }
}

impl Snapshot {
    async fn number(&self, sql: &str) -> Result<Option<i64>, tokio_postgres::Error> {
        let rows = self.client.query_typed(sql, &[]).await?;
        rows.first().map_or(Ok(None), |row| row.try_get(0))
    }

    async fn rows(
        &self,
        table: &Table,
        after: Option<&Value>,
        limit: i64,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let columns = table.columns.iter().map(|column| column.postgres).collect::<Vec<_>>().join(", ");
        let order = order(table);
        let mut params: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&limit, Type::INT8)];
        let mut behind = String::new();
        match after {
            Some(Value::Int(key)) => params.push((key, Type::INT8)),
            Some(Value::Text(key)) => params.push((key, Type::TEXT)),
            Some(Value::Bytes(key)) => params.push((key, Type::BYTEA)),
            Some(Value::Null) | None => {}
        }
        if params.len() > 1 {
            behind = format!("WHERE {order} > $2");
        }
        let sql = format!("SELECT {columns} FROM {} {behind} ORDER BY {order} LIMIT $1", table.name);
        let found = self.client.query_typed(&sql, &params).await?;
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            let values = table.columns.iter().enumerate();
            rows.push(
                values.map(|(place, column)| value(column.kind, row, place)).collect::<Result<_, _>>()?,
            );
        }
        Ok(rows)
    }

    /// The entries that no node has taken into the log yet, as they will stand there.
    async fn arrivals(&mut self) -> Result<&[Row], StoreError> {
        if self.arrivals.is_none() {
            let arrivals = self.read_arrivals().await.map_err(|error| store_error(&error))?;
            self.arrivals = Some(arrivals);
        }
        Ok(self.arrivals.as_deref().unwrap_or_default())
    }

    async fn read_arrivals(&self) -> Result<Vec<Row>, tokio_postgres::Error> {
        let last = self.number(LAST_AUDIT_ID).await?.unwrap_or(0);
        let mut latest = self.number(LAST_AUDIT_TIME).await?.unwrap_or(0);
        let mut rows = Vec::new();
        for (row, id) in self.client.query_typed(ARRIVALS, &[]).await?.iter().zip(last + 1..) {
            latest = shown(latest, row.try_get(0)?);
            let mut values = vec![Value::Int(id), Value::Int(latest)];
            for (place, column) in AUDIT.columns.iter().enumerate().skip(2) {
                values.push(value(column.kind, row, place - 1)?);
            }
            rows.push(values);
        }
        Ok(rows)
    }
}

fn value(kind: Kind, row: &tokio_postgres::Row, place: usize) -> Result<Value, tokio_postgres::Error> {
    Ok(match kind {
        Kind::Int => row.try_get::<_, Option<i64>>(place)?.map(Value::Int),
        Kind::Bool => row.try_get::<_, Option<bool>>(place)?.map(|truth| Value::Int(truth.into())),
        Kind::Text => row.try_get::<_, Option<String>>(place)?.map(Value::Text),
        Kind::Bytes => row.try_get::<_, Option<Vec<u8>>>(place)?.map(Value::Bytes),
    }
    .unwrap_or(Value::Null))
}

/// A column of many rows, as `UNNEST` takes it.
enum Values<'a> {
    Ints(Vec<Option<i64>>),
    Bools(Vec<Option<bool>>),
    Texts(Vec<Option<&'a str>>),
    Bytes(Vec<Option<&'a [u8]>>),
}

impl<'a> Values<'a> {
    fn of(kind: Kind, rows: &'a [Row], place: usize) -> Self {
        let values = rows.iter().map(|row| row.get(place).unwrap_or(&Value::Null));
        let int = |value: &Value| if let Value::Int(number) = value { Some(*number) } else { None };
        match kind {
            Kind::Int => Self::Ints(values.map(int).collect()),
            Kind::Bool => Self::Bools(values.map(|value| int(value).map(|number| number != 0)).collect()),
            Kind::Text => Self::Texts(
                values
                    .map(|value| if let Value::Text(text) = value { Some(text.as_str()) } else { None })
                    .collect(),
            ),
            Kind::Bytes => Self::Bytes(
                values
                    .map(|value| if let Value::Bytes(bytes) = value { Some(bytes.as_slice()) } else { None })
                    .collect(),
            ),
        }
    }

    fn param(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Ints(values) => (values, Type::INT8_ARRAY),
            Self::Bools(values) => (values, Type::BOOL_ARRAY),
            Self::Texts(values) => (values, Type::TEXT_ARRAY),
            Self::Bytes(values) => (values, Type::BYTEA_ARRAY),
        }
    }
}

const fn array(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "BIGINT[]",
        Kind::Bool => "BOOLEAN[]",
        Kind::Text => "TEXT[]",
        Kind::Bytes => "BYTEA[]",
    }
}

/// The database that is written.
pub(crate) struct Target {
    connector: Connector,
    client: Client,
    run: i64,
}

impl Target {
    pub(crate) async fn open(options: &PostgresOptions) -> Result<Self, CopyError> {
        let connector = Connector::to_copy(options)?;
        let client = schema::migrate(&connector).await?;
        Ok(Self { connector, client, run: i64::from_ne_bytes(random().to_ne_bytes()) })
    }

    /// A transaction in which nobody else copies.
    async fn turn(&mut self) -> Result<Transaction<'_>, CopyError> {
        let transaction = self.client.transaction().await.map_err(target)?;
        transaction.batch_execute(LIMITS).await.map_err(target)?;
        let mine = transaction.query_typed(MINE, &[(&self.run, Type::INT8)]).await.map_err(target)?;
        if mine.is_empty() { Err(CopyError::Overtaken) } else { Ok(transaction) }
    }

    async fn mark(&mut self, source: &[u8]) -> Result<Result<(), CopyError>, tokio_postgres::Error> {
        let transaction = self.client.transaction().await?;
        transaction.batch_execute(LIMITS).await?;
        // Waits for whoever is about to write.
        if let Some(row) = transaction.query_typed(MARKED, &[]).await?.first() {
            if row.try_get::<_, &[u8]>(0)? != source {
                return Ok(Err(CopyError::AnotherCopy));
            }
            transaction.execute_typed(TAKE_OVER, &[(&self.run, Type::INT8)]).await?;
            return transaction.commit().await.map(Ok);
        }
        let arrivals = (AUDIT.what, ANY_ARRIVAL.to_owned());
        for (what, some) in copy::any_row().chain([arrivals]) {
            if !transaction.query_typed(&some, &[]).await?.is_empty() {
                return Ok(Err(CopyError::NotEmpty { what }));
            }
        }
        transaction.batch_execute(FORGET_KEYS).await?;
        transaction.execute_typed(MARK, &[(&source, Type::BYTEA), (&self.run, Type::INT8)]).await?;
        transaction.commit().await.map(Ok)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn target(error: tokio_postgres::Error) -> CopyError {
    CopyError::Target(store_error(&error))
}

#[async_trait]
impl Side for Target {
    async fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        reader(&self.connector).await
    }

    async fn users(&self) -> u64 {
        users(&self.connector).await
    }
}

#[async_trait]
impl Writer for Target {
    async fn begin(&mut self, source: &[u8]) -> Result<(), CopyError> {
        self.mark(source).await.map_err(target)?
    }

    async fn write(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), CopyError> {
        let transaction = self.turn().await?;
        insert(&transaction, table, &rows).await.map_err(target)?;
        if table.name == USERS.name {
            let users = rows.iter().map(|row| copy::user(row)).collect::<Result<Vec<_>, _>>();
            let users = users.map_err(CopyError::Source)?;
            let users: Vec<_> = users.iter().map(|(number, user)| (*number, user)).collect();
            index::add_without_moves(Session::beside(transaction.client()), &users).await.map_err(
                |stop| match stop {
                    Stop::Database(error) => target(error),
                    Stop::Refused(WriteError::Store(error)) => CopyError::Target(error),
                    Stop::Refused(other) => CopyError::Target(StoreError::Corrupt(format!("users: {other}"))),
                    Stop::Again => CopyError::Overtaken,
                },
            )?;
        }
        transaction.commit().await.map_err(target)
    }

    async fn settle(&mut self, last_audit_id: i64) -> Result<(), CopyError> {
        let transaction = self.turn().await?;
        transaction
            .execute_typed(SET_LAST_AUDIT_ID, &[(&last_audit_id, Type::INT8)])
            .await
            .map_err(target)?;
        for table in NUMBERED {
            let sql = format!(
                "SELECT setval(pg_get_serial_sequence('{table}', 'number'), greatest(max(number), 1), \
                 coalesce(max(number) >= 1, false)) FROM {table}"
            );
            transaction.batch_execute(&sql).await.map_err(target)?;
        }
        transaction.commit().await.map_err(target)
    }

    async fn finish(&mut self) -> Result<(), CopyError> {
        // Other engines do this in other words, and by themselves.
        if let Err(error) = self.client.batch_execute(ANALYZE).await {
            tracing::debug!(error = with_cause(&error), "the tables were not analyzed");
        }
        let transaction = self.turn().await?;
        counting::count(Session::beside(transaction.client()))
            .await
            .map_err(|stop| CopyError::Target(stop.into_error()))?;
        transaction.batch_execute(UNMARK).await.map_err(target)?;
        transaction.commit().await.map_err(target)
    }
}

async fn insert(
    transaction: &Transaction<'_>,
    table: &Table,
    rows: &[Row],
) -> Result<(), tokio_postgres::Error> {
    let columns = table.columns.iter().map(|column| column.postgres).collect::<Vec<_>>().join(", ");
    let places = table.columns.iter().enumerate();
    let arrays: Vec<_> =
        places.map(|(place, column)| format!("${}::{}", place + 1, array(column.kind))).collect();
    let sql = format!("INSERT INTO {} ({columns}) SELECT * FROM UNNEST({})", table.name, arrays.join(", "));
    let places = table.columns.iter().enumerate();
    let values: Vec<_> = places.map(|(place, column)| Values::of(column.kind, rows, place)).collect();
    let params: Vec<_> = values.iter().map(Values::param).collect();
    transaction.execute_typed(&sql, &params).await.map(drop)
}
