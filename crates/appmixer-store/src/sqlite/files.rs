//! The writer's connection, to the file that is the database; and what is done when it is not there any more.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use appmixer_core::StoreError;
use rusqlite::Connection;

use super::error::store_error;
use super::open::{Mode, OpenError, connect};
use super::place::{Look, Place};
use super::readers::Generation;
use super::schema;

/// Writes the page that it reads, and nothing new: a version of ours is kept elsewhere.
const PROBE: &str = "PRAGMA user_version = 0";
/// Its first column tells whether it could not be finished.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
const QUICK_CHECK: &str = "PRAGMA quick_check(1)";

/// How long between two checks of a file that was found to be damaged: each reads all of it.
const BETWEEN_CHECKS: Duration = Duration::from_mins(1);

/// The least room that a file system must have for writes to count as possible: a probe alone, of one page, finds
/// room where real writes do not.
const LEAST_ROOM: u64 = 256 * 1024;

pub(super) struct Files {
    pub(super) connection: Connection,
    place: Place,
    generation: Arc<Generation>,
    checked: Option<Instant>,
}

impl Files {
    pub(super) fn new(connection: Connection, path: &Path, generation: Arc<Generation>) -> Self {
        Self { connection, place: Place::of(path), generation, checked: None }
    }

    /// Whether what is written now is there after the next start.
    pub(super) fn are_in_place(&mut self) -> Result<(), StoreError> {
        let problem = match self.place.look() {
            Look::Same => return Ok(()),
            Look::Nothing => "the file is gone",
            Look::Another => "another file is in its place",
            Look::WithoutCompanion => "what SQLite keeps beside the file (-wal, -shm) is gone",
        };
        Err(StoreError::Unavailable(problem.to_owned()))
    }

    /// Writes a page, so that it is known whether that can be done.
    ///
    /// # Errors
    /// It cannot, or there is room for no more.
    pub(super) fn probe(&self) -> Result<(), StoreError> {
        if let Ok(system) = rustix::fs::statvfs(self.place.path())
            && system.f_bavail.saturating_mul(system.f_frsize) < LEAST_ROOM
        {
            return Err(StoreError::ReadOnly("the disk is full".to_owned()));
        }
        self.connection.execute_batch(PROBE).map_err(|error| store_error(&error))
    }

    /// Goes on with whatever is where the database was. `true`: it is another one, or may be. One that was `damaged`
    /// has to pass a check first.
    ///
    /// # Errors
    /// There is nothing to go on with yet.
    pub(super) fn mend(&mut self, damaged: bool) -> Result<bool, StoreError> {
        let path = self.place.path().to_owned();
        let failed = |error: OpenError| StoreError::Unavailable(error.to_string());
        match self.place.look() {
            // After an error of the disk nobody knows what the system has of what SQLite gave it. A new connection
            // reads the log again.
            Look::Same => {
                if damaged {
                    self.check_again()?;
                }
                self.connection = connect(&path, Mode::Write).map_err(failed)?;
                return Ok(false);
            }
            Look::Nothing => return self.are_in_place().map(|()| false),
            // What was acknowledged is in a log without a name: into the file with it, while we have it.
            Look::WithoutCompanion => {
                let checkpoint = self.connection.query_row(CHECKPOINT, [], |row| row.get::<_, bool>(0));
                if checkpoint.map_err(|error| store_error(&error))? {
                    return Err(StoreError::Unavailable("the log could not be put into the file".to_owned()));
                }
            }
            Look::Another => {}
        }
        // Nobody reads meanwhile: connections to old and new must not share what is beside them.
        let generation = Arc::clone(&self.generation);
        let mut generation = generation.write().unwrap_or_else(PoisonError::into_inner);
        let mut connection = connect(&path, Mode::Write).map_err(failed)?;
        check(&connection)?;
        schema::prepare(&mut connection, &path).map_err(failed)?;
        (self.connection, self.place) = (connection, Place::of(&path));
        *generation += 1;
        tracing::warn!(path = %path.display(), "the database was opened again");
        Ok(true)
    }
}

impl Files {
    fn check_again(&mut self) -> Result<(), StoreError> {
        if self.checked.is_some_and(|time| time.elapsed() < BETWEEN_CHECKS) {
            return Err(not_whole());
        }
        self.checked = Some(Instant::now());
        check(&self.connection)
    }
}

fn not_whole() -> StoreError {
    StoreError::Corrupt("it does not pass SQLite's check; restore it from a backup".to_owned())
}

/// A file that is still being copied has a good beginning.
fn check(connection: &Connection) -> Result<(), StoreError> {
    let found: String =
        connection.query_row(QUICK_CHECK, [], |row| row.get(0)).map_err(|error| store_error(&error))?;
    if found == "ok" { Ok(()) } else { Err(not_whole()) }
}
