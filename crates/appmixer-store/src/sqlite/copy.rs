//! The file as the source or the target of a copy. See [`crate::copy`].

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use appmixer_core::{StoreError, Turn, WriteError};
use async_trait::async_trait;
use rusqlite::types::{ToSqlOutput, Value as Sql, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, ToSql, TransactionBehavior, params, params_from_iter};

use super::error::{JobError, store_error};
use super::index::Index;
use super::open::{self, Mode, OpenError, Role};
use super::{folder, grams, schema};
use crate::copy::{self, CopyError, Kind, OUTBOX, Reader, Row, Side, Table, USERS, Value, Writer};

const SNAPSHOT: &str = "BEGIN; SELECT count(*) FROM sqlite_schema";
const LAST_AUDIT_ID: &str = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0)";
const FORGET_LAST_AUDIT_ID: &str = "DELETE FROM sqlite_sequence WHERE name = 'audit'";
const SET_LAST_AUDIT_ID: &str = "INSERT INTO sqlite_sequence (name, seq) VALUES ('audit', ?1)";
const MARKED: &str = "SELECT source FROM unfinished_copy";
const MARK: &str = "INSERT INTO unfinished_copy (one, source) VALUES (1, ?1)";
const UNMARK: &str = "DELETE FROM unfinished_copy";
/// The row that every new database has is the source's.
const FORGET_KEYS: &str = "DELETE FROM signing_keys";

/// The file that is copied. Nobody serves it meanwhile.
pub(crate) struct Source {
    path: PathBuf,
    _lock: File,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, CopyError> {
        if !path.exists() {
            return Err(CopyError::Missing { path: path.to_owned() });
        }
        let lock = folder::lock(path)?;
        let db = open::connect(path, Mode::Read)?;
        let failed = |error: rusqlite::Error| OpenError::of(path, &error);
        let (found, known) = (schema::version(&db).map_err(failed)?, schema::newest_known());
        if found > known {
            return Err(OpenError::NewerSchema { path: path.to_owned(), found, known }.into());
        }
        if found < known {
            return Err(CopyError::OldSchema { found, known });
        }
        if schema::is_unfinished(&db).map_err(failed)? {
            return Err(CopyError::UnfinishedSource);
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }
}

#[async_trait]
impl Side for Source {
    async fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        reader(&self.path).await
    }
}

/// A connection that one thread has at a time. Whoever gave up waiting leaves it usable.
#[derive(Clone)]
struct Shared(Arc<Mutex<Connection>>);

impl Shared {
    fn new(connection: Connection) -> Self {
        Self(Arc::new(Mutex::new(connection)))
    }

    async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        JobError<StoreError>: From<E>,
    {
        let shared = Arc::clone(&self.0);
        let work = move || {
            let mut connection = shared.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection).map_err(|error| JobError::from(error).0)
        };
        let panicked = |_| Err(StoreError::Internal("a copy panicked".to_owned()));
        tokio::task::spawn_blocking(work).await.unwrap_or_else(panicked)
    }
}

async fn reader(path: &Path) -> Result<Box<dyn Reader>, StoreError> {
    let connection = open::connection(path, Mode::Read).map_err(|error| store_error(&error))?;
    let reader = Shared::new(connection);
    reader.run(|db| db.execute_batch(SNAPSHOT)).await?;
    Ok(Box::new(reader))
}

#[async_trait]
impl Reader for Shared {
    async fn page(
        &mut self,
        table: &'static Table,
        after: Option<&Value>,
        limit: i64,
    ) -> Result<Vec<Row>, StoreError> {
        let after = after.cloned();
        self.run(move |db| page(db, table, after.as_ref(), limit)).await
    }

    async fn count(&mut self, table: &'static Table) -> Result<u64, StoreError> {
        let number = self.run(move |db| -> rusqlite::Result<i64> {
            db.query_row(&format!("SELECT count(*) FROM {}", table.name), [], |row| row.get(0))
        });
        Ok(number.await?.unsigned_abs())
    }

    async fn last_key(&mut self, table: &'static Table) -> Result<Option<Value>, StoreError> {
        let column = &table.columns[0];
        let key = column.sqlite;
        let sql = format!("SELECT {key} FROM {} ORDER BY {key} DESC LIMIT 1", table.name);
        self.run(move |db| -> Result<_, JobError<StoreError>> {
            let mut statement = db.prepare_cached(&sql)?;
            let mut rows = statement.query([])?;
            rows.next()?.map(|row| Ok(value(table, column.kind, row.get_ref(0)?)?)).transpose()
        })
        .await
    }

    async fn last_audit_id(&mut self) -> Result<i64, StoreError> {
        self.run(|db| db.query_row(LAST_AUDIT_ID, [], |row| row.get(0))).await
    }
}

fn columns(table: &Table) -> String {
    table.columns.iter().map(|column| column.sqlite).collect::<Vec<_>>().join(", ")
}

fn page(
    db: &Connection,
    table: &Table,
    after: Option<&Value>,
    limit: i64,
) -> Result<Vec<Row>, JobError<StoreError>> {
    let (key, columns) = (table.columns[0].sqlite, columns(table));
    let behind = if after.is_some() { format!("WHERE {key} > ?2") } else { String::new() };
    let sql = format!("SELECT {columns} FROM {} {behind} ORDER BY {key} LIMIT ?1", table.name);
    let mut statement = db.prepare_cached(&sql)?;
    let limit = Value::Int(limit);
    let mut found = statement.query(params_from_iter([Some(&limit), after].into_iter().flatten()))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut values = Vec::with_capacity(table.columns.len());
        for (place, column) in table.columns.iter().enumerate() {
            let mut value = value(table, column.kind, row.get_ref(place)?)?;
            // What a receiver's answer left there, and PostgreSQL could not hold.
            if table.name == OUTBOX.name
                && let Value::Text(text) = &mut value
            {
                text.retain(|character| character != '\0');
            }
            values.push(value);
        }
        rows.push(values);
    }
    Ok(rows)
}

fn value(table: &Table, kind: Kind, value: ValueRef<'_>) -> Result<Value, StoreError> {
    let damaged = || StoreError::Corrupt(format!("{}: a column has a value of another type", table.name));
    match (kind, value) {
        (_, ValueRef::Null) => Ok(Value::Null),
        (Kind::Int | Kind::Bool, ValueRef::Integer(number)) => Ok(Value::Int(number)),
        (Kind::Text, ValueRef::Text(text)) => {
            String::from_utf8(text.to_vec()).map(Value::Text).map_err(|_| damaged())
        }
        (Kind::Bytes, ValueRef::Blob(bytes)) => Ok(Value::Bytes(bytes.to_vec())),
        _ => Err(damaged()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Sql::Null),
            Self::Int(number) => ToSqlOutput::Owned(Sql::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// The file that is written. Nobody serves it meanwhile, and nobody else copies into it.
pub(crate) struct Target {
    path: PathBuf,
    db: Shared,
    _lock: Option<File>,
}

impl Target {
    pub(crate) fn open(path: &Path) -> Result<Self, CopyError> {
        let lock = folder::prepare(path, Role::Server)?;
        let mut db = open::connect(path, Mode::Write)?;
        schema::migrate(&mut db, path)?;
        open::in_bulk(&db, path)?;
        Ok(Self { path: path.to_owned(), db: Shared::new(db), _lock: lock })
    }

    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JobError<StoreError>> + Send + 'static,
    ) -> Result<T, CopyError> {
        let done = self.db.run(move |db| -> Result<T, JobError<StoreError>> {
            let changes = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let outcome = work(&changes)?;
            changes.commit()?;
            Ok(outcome)
        });
        done.await.map_err(CopyError::Target)
    }
}

#[async_trait]
impl Side for Target {
    async fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        reader(&self.path).await
    }
}

#[async_trait]
impl Writer for Target {
    async fn begin(&mut self, source: &[u8]) -> Result<(), CopyError> {
        let source = source.to_vec();
        let begun = self.change(move |db| {
            grams::unsettle(db)?;
            if let Some(of) = db.query_row(MARKED, [], |row| row.get::<_, Vec<u8>>(0)).optional()? {
                return Ok(if of == source { Ok(()) } else { Err(CopyError::AnotherCopy) });
            }
            for (what, some) in copy::any_row() {
                if db.prepare(&some)?.exists([])? {
                    return Ok(Err(CopyError::NotEmpty { what }));
                }
            }
            db.execute_batch(FORGET_KEYS)?;
            db.execute(MARK, [source])?;
            Ok(Ok(()))
        });
        begun.await?
    }

    async fn write(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), CopyError> {
        self.change(move |db| write(db, table, &rows)).await
    }

    async fn settle(&mut self, last_audit_id: i64) -> Result<(), CopyError> {
        self.change(move |db| {
            db.execute_batch(FORGET_LAST_AUDIT_ID)?;
            if last_audit_id > 0 {
                db.execute(SET_LAST_AUDIT_ID, params![last_audit_id])?;
            }
            Ok(())
        })
        .await
    }

    async fn finish(&mut self) -> Result<(), CopyError> {
        let mut first = true;
        while self.change(move |db| Ok(grams::settle(db, first, Turn::Long)?)).await? {
            first = false;
        }
        self.change(|db| {
            grams::settled(db)?;
            Ok(db.execute_batch(UNMARK)?)
        })
        .await?;
        let folded = self.db.run(|db| db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"));
        folded.await.map_err(CopyError::Target)
    }
}

fn write(db: &Connection, table: &Table, rows: &[Row]) -> Result<(), JobError<StoreError>> {
    let places: Vec<_> = (1..=table.columns.len()).map(|place| format!("?{place}")).collect();
    let sql = format!("INSERT INTO {} ({}) VALUES ({})", table.name, columns(table), places.join(", "));
    let mut insert = db.prepare_cached(&sql)?;
    for row in rows {
        insert.execute(params_from_iter(row))?;
    }
    if table.name == USERS.name {
        let users = rows.iter().map(|row| copy::user(row)).collect::<Result<Vec<_>, _>>()?;
        let users: Vec<_> = users.iter().map(|(number, user)| (*number, user)).collect();
        let mut index = Index::new(db);
        let indexed = index.add_all(&users).and_then(|()| index.settle());
        indexed.map_err(|JobError(error)| match error {
            WriteError::Store(error) => error,
            other => StoreError::Corrupt(format!("users: {other}")),
        })?;
    }
    Ok(())
}
