//! From SQLite's errors to the domain's.

use appmixer_core::{StoreError, WriteError};
use rusqlite::ErrorCode;

pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, FileLockingProtocolFailed,
        NotADatabase, OperationInterrupted, OutOfMemory, PermissionDenied, ReadOnly, SystemIoFailure,
    };
    // SQLite's messages name tables and files, never values.
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(
            DatabaseBusy
            | DatabaseLocked
            | CannotOpen
            | SystemIoFailure
            | FileLockingProtocolFailed
            | OperationInterrupted
            | OutOfMemory,
        ) => StoreError::Unavailable(text),
        Some(DiskFull | ReadOnly | PermissionDenied) => StoreError::ReadOnly(text),
        Some(DatabaseCorrupt | NotADatabase) => StoreError::Corrupt(text),
        _ => StoreError::Internal(text),
    }
}

/// An error that may be one of the store's.
pub(super) trait MayBeFault {
    /// What is wrong with the disk or the file, if that is why.
    fn fault(&self) -> Option<&StoreError>;
}

impl MayBeFault for StoreError {
    fn fault(&self) -> Option<&StoreError> {
        matches!(self, Self::Unavailable(_) | Self::ReadOnly(_) | Self::Corrupt(_)).then_some(self)
    }
}

impl MayBeFault for WriteError {
    fn fault(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => error.fault(),
            _ => None,
        }
    }
}

/// An error that carries either SQLite's or the domain's: what `?` needs within one job.
pub(super) struct JobError<E>(pub(super) E);

impl From<rusqlite::Error> for JobError<StoreError> {
    fn from(error: rusqlite::Error) -> Self {
        Self(store_error(&error))
    }
}

impl From<rusqlite::Error> for JobError<WriteError> {
    fn from(error: rusqlite::Error) -> Self {
        Self(WriteError::Store(store_error(&error)))
    }
}

impl<E> From<StoreError> for JobError<E>
where
    E: From<StoreError>,
{
    fn from(error: StoreError) -> Self {
        Self(error.into())
    }
}

impl From<WriteError> for JobError<WriteError> {
    fn from(error: WriteError) -> Self {
        Self(error)
    }
}

/// Whether a row with the same key is there already.
pub(super) fn is_conflict(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}
