//! A whole database, copied row by row into another one, of the same kind or not.
//!
//! Rows go over as they are, in the order of their keys, some thousands in a transaction: what the target has is a
//! beginning of what the source has, table for table, so a copy goes on behind the last row wherever it ended. A row in
//! `unfinished_copy` of the target says that it is not to be served, and of what it is a copy; it goes when both sides,
//! read from end to end, have the same.

mod digest;
mod tables;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use appmixer_core::StoreError;
use async_trait::async_trait;
use thiserror::Error;

use self::digest::Digest;
pub use self::digest::Sum;
use self::tables::{ACCESS_RULES, CONFIG, NAMES, SIGNING_KEYS, WRITTEN};
pub(crate) use self::tables::{AUDIT, Kind, OUTBOX, Row, Table, USERS, Value, any_row, user};
use crate::postgres::copy as postgres;
use crate::sqlite::copy as sqlite;
use crate::{OpenError, PostgresError, PostgresOptions};

/// Rows that are read at once, and written in one transaction.
const PAGE: i64 = 4000;

/// Why a database was not copied. Each says what to do about it.
#[derive(Debug, Error)]
pub enum CopyError {
    /// A SQLite database cannot be opened.
    #[error(transparent)]
    Sqlite(#[from] OpenError),
    /// A PostgreSQL database cannot be opened.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// There is nothing to be copied.
    #[error("there is no database at {}", path.display())]
    Missing {
        /// Where there should be one.
        path: PathBuf,
    },
    /// Only what has today's schema is copied, since the source is not written to.
    #[error(
        "the source has schema version {found} and not {known}; bring it up to date with `store migrate`"
    )]
    OldSchema {
        /// The version in the source; 0 where there is no database of ours.
        found: i64,
        /// Today's.
        known: i64,
    },
    /// The source is the target of a copy that was not finished.
    #[error("the source is itself an unfinished copy; finish that first")]
    UnfinishedSource,
    /// A copy goes into an empty database.
    #[error("the target is not empty: it has {what}; copy into a new database")]
    NotEmpty {
        /// Of what it has some.
        what: &'static str,
    },
    /// What is in the target cannot be gone on with.
    #[error(
        "the target has an unfinished copy of another database, or of this one before it was changed; \
         copy into a new database"
    )]
    AnotherCopy,
    /// The same command was run once more.
    #[error("another process copies into the same target, and has taken over")]
    Overtaken,
    /// The source does not answer as it should.
    #[error("the source: {0}")]
    Source(StoreError),
    /// The target does not take what it should.
    #[error("the target: {0}")]
    Target(StoreError),
}

/// What is read at one moment.
#[async_trait]
pub(crate) trait Reader: Send {
    /// The rows behind a key, in the order of keys.
    async fn page(
        &mut self,
        table: &'static Table,
        after: Option<&Value>,
        limit: i64,
    ) -> Result<Vec<Row>, StoreError>;
    async fn count(&mut self, table: &'static Table) -> Result<u64, StoreError>;
    async fn last_key(&mut self, table: &'static Table) -> Result<Option<Value>, StoreError>;
    /// The last number that an entry of the audit log has got, whether it is there still or not.
    async fn last_audit_id(&mut self) -> Result<i64, StoreError>;
}

/// A database that is open for a copy.
#[async_trait]
pub(crate) trait Side: Send + Sync {
    async fn reader(&self) -> Result<Box<dyn Reader>, StoreError>;

    /// How many connections servers, or commands beside them, seem to have. None where that is impossible.
    async fn users(&self) -> u64 {
        0
    }
}

/// One that is written to.
#[async_trait]
pub(crate) trait Writer: Side {
    /// Makes it an unfinished copy of `source`, unless it is one.
    async fn begin(&mut self, source: &[u8]) -> Result<(), CopyError>;
    /// Writes rows, with whatever is made of them, in one transaction.
    async fn write(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), CopyError>;
    /// Sets what numbers are given next.
    async fn settle(&mut self, last_audit_id: i64) -> Result<(), CopyError>;
    /// It is whole.
    async fn finish(&mut self) -> Result<(), CopyError>;
}

/// What is copied. Nothing is written to it; as long as there is one of these, no server starts on it, if it is SQLite.
pub struct CopySource(Box<dyn Side>);

impl CopySource {
    /// A file. Blocks.
    ///
    /// # Errors
    /// [`CopyError`]: it is not there, is in use by a server, or cannot be copied as it is.
    pub fn sqlite(path: &Path) -> Result<Self, CopyError> {
        Ok(Self(Box::new(sqlite::Source::open(path)?)))
    }

    /// A database of PostgreSQL, which should not be served meanwhile: see [`CopySource::others`].
    ///
    /// # Errors
    /// [`CopyError`]: it does not answer, or cannot be copied as it is.
    pub async fn postgres(options: &PostgresOptions) -> Result<Self, CopyError> {
        Ok(Self(Box::new(postgres::Source::open(options).await?)))
    }

    /// How many connections servers, or commands beside them, seem to have.
    pub async fn others(&self) -> u64 {
        self.0.users().await
    }
}

/// Where to it is copied.
pub struct CopyTarget(Box<dyn Writer>);

impl CopyTarget {
    /// A file, which is made if there is none. As long as there is one of these, no server starts on it. Blocks.
    ///
    /// # Errors
    /// [`CopyError`]: it is in use by a server, or cannot be opened.
    pub fn sqlite(path: &Path) -> Result<Self, CopyError> {
        Ok(Self(Box::new(sqlite::Target::open(path)?)))
    }

    /// A database of PostgreSQL, whose tables are made if there are none.
    ///
    /// # Errors
    /// [`CopyError`]: it does not answer, or its schema cannot be made.
    pub async fn postgres(options: &PostgresOptions) -> Result<Self, CopyError> {
        Ok(Self(Box::new(postgres::Target::open(options).await?)))
    }

    /// How many connections servers, or commands beside them, seem to have.
    pub async fn others(&self) -> u64 {
        self.0.users().await
    }
}

/// How much of a table is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What is in it.
    pub what: &'static str,
    /// Rows that are copied.
    pub done: u64,
    /// Rows that there are to copy.
    pub of: u64,
}

/// What both sides have of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Of what.
    pub what: &'static str,
    /// What was read of the source.
    pub source: Sum,
    /// What was read of the target.
    pub target: Sum,
}

impl Verified {
    /// Whether it is the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.source == self.target
    }
}

/// A copy that is being made.
pub struct Copy {
    source: CopySource,
    target: CopyTarget,
    reader: Box<dyn Reader>,
    parts: Vec<Part>,
    /// Behind which row each table goes on.
    after: Vec<Option<Value>>,
    /// The place in `WRITTEN` of the table that is copied, and what was read of it already.
    table: usize,
    next: Option<Vec<Row>>,
}

impl Copy {
    /// Marks the target as unfinished, if it is empty, or goes on with what is there.
    ///
    /// # Errors
    /// [`CopyError`]; the target is as it was then.
    pub async fn begin(source: CopySource, mut target: CopyTarget) -> Result<Self, CopyError> {
        let mut reader = source.0.reader().await.map_err(CopyError::Source)?;
        let fingerprint = fingerprint(&mut *reader).await.map_err(CopyError::Source)?;
        target.0.begin(&fingerprint).await?;
        let mut written = target.0.reader().await.map_err(CopyError::Target)?;
        let (mut parts, mut after) = (Vec::new(), Vec::new());
        for table in WRITTEN {
            let of = reader.count(table).await.map_err(CopyError::Source)?;
            let done = written.count(table).await.map_err(CopyError::Target)?;
            parts.push(Part { what: table.what, done, of });
            after.push(written.last_key(table).await.map_err(CopyError::Target)?);
        }
        Ok(Self { source, target, reader, parts, after, table: 0, next: None })
    }

    /// How far it has come, in the order in which it is copied.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What is being copied.
    #[must_use]
    pub fn part(&self) -> Option<Part> {
        self.parts.get(self.table).copied()
    }

    /// Copies some rows, which are on disk then. `false`: there are no more. To be given up at any moment.
    ///
    /// # Errors
    /// [`CopyError`]; a new copy goes on from there.
    pub async fn step(&mut self) -> Result<bool, CopyError> {
        while let Some(table) = WRITTEN.get(self.table) {
            let rows = if let Some(rows) = self.next.take() {
                rows
            } else {
                let after = self.after[self.table].as_ref();
                self.reader.page(table, after, PAGE).await.map_err(CopyError::Source)?
            };
            let Some(last) = rows.last().and_then(|row| row.first()).cloned() else {
                self.table += 1;
                continue;
            };
            let number = rows.len() as u64;
            // While one page is written, the next is read.
            let (written, next) =
                tokio::join!(self.target.0.write(table, rows), self.reader.page(table, Some(&last), PAGE));
            written?;
            self.parts[self.table].done += number;
            self.after[self.table] = Some(last);
            self.next = Some(next.map_err(CopyError::Source)?);
            return Ok(true);
        }
        Ok(false)
    }

    /// Reads both sides from end to end, as they are now. Where they have the same, the target is whole, and may be
    /// served. `show` is told how many rows were read of those that [`Copy::parts`] has.
    ///
    /// # Errors
    /// [`CopyError`]; it is as unfinished as before then.
    pub async fn verify(mut self, show: impl Fn(u64) + Sync) -> Result<Vec<Verified>, CopyError> {
        // Not what it was when it was copied: nobody should have changed it since, and here it is found out.
        let mut from = self.source.0.reader().await.map_err(CopyError::Source)?;
        let last_audit_id = from.last_audit_id().await.map_err(CopyError::Source)?;
        self.target.0.settle(last_audit_id).await?;
        let mut to = self.target.0.reader().await.map_err(CopyError::Target)?;
        let read = AtomicU64::new(0);
        let count = |rows: u64| {
            let both = read.fetch_add(rows, Ordering::Relaxed) + rows;
            show(both / 2);
        };
        let (source, target) = tokio::join!(sums(&mut *from, &count), sums(&mut *to, &count));
        let (source, target) = (source.map_err(CopyError::Source)?, target.map_err(CopyError::Target)?);
        // SQLite's log cannot be folded into the file while somebody reads of it.
        drop(to);
        let verified: Vec<_> = source
            .into_iter()
            .zip(target)
            .map(|((what, source), (_, target))| Verified { what, source, target })
            .collect();
        if verified.iter().all(Verified::is_same) {
            self.target.0.finish().await?;
        }
        Ok(verified)
    }
}

/// What each table has.
async fn sums(
    reader: &mut dyn Reader,
    count: &(dyn Fn(u64) + Sync),
) -> Result<Vec<(&'static str, Sum)>, StoreError> {
    let mut sums = Vec::new();
    for table in WRITTEN.into_iter().chain([&NAMES]) {
        let mut digest = Digest::new();
        read(reader, table, &mut digest, count).await?;
        if table.name == AUDIT.name {
            digest.value(&Value::Int(reader.last_audit_id().await?));
        }
        sums.push((table.what, digest.sum()));
    }
    Ok(sums)
}

async fn read(
    reader: &mut dyn Reader,
    table: &'static Table,
    digest: &mut Digest,
    count: &(dyn Fn(u64) + Sync),
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let rows = reader.page(table, after.as_ref(), PAGE).await?;
        let Some(last) = rows.last().and_then(|row| row.first()).cloned() else { return Ok(()) };
        after = Some(last);
        digest.add(&rows);
        if table.name != NAMES.name {
            count(rows.len() as u64);
        }
    }
}

/// By what a source is known again, as long as nobody has used it: all that is read quickly, and what moves on with
/// most of what is done.
async fn fingerprint(reader: &mut dyn Reader) -> Result<Vec<u8>, StoreError> {
    let mut digest = Digest::new();
    for table in [&CONFIG, &ACCESS_RULES, &SIGNING_KEYS] {
        read(reader, table, &mut digest, &|_| ()).await?;
    }
    digest.add(&reader.page(&USERS, None, 1).await?);
    digest.value(&reader.last_key(&USERS).await?.unwrap_or(Value::Null));
    digest.value(&Value::Int(reader.last_audit_id().await?));
    Ok(digest.bytes())
}
