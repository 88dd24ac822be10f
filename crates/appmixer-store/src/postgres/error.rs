//! From PostgreSQL's errors to the domain's.

use std::error::Error as _;

use appmixer_core::{StoreError, WriteError};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// What ends a transaction: the database, or a decision about what was asked.
pub(super) enum Stop<E> {
    Database(Error),
    Refused(E),
    /// What was decided by does not hold any more: from the start.
    Again,
}

impl<E: From<StoreError>> Stop<E> {
    /// What whoever has asked is told.
    pub(super) fn into_error(self) -> E {
        match self {
            Self::Refused(error) => error,
            Self::Again => overtaken().into(),
            Self::Database(error) => store_error(&error).into(),
        }
    }
}

impl<E> From<Error> for Stop<E> {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Stop<StoreError> {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Stop<WriteError> {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<WriteError> for Stop<WriteError> {
    fn from(error: WriteError) -> Self {
        Self::Refused(error)
    }
}

impl From<Stop<StoreError>> for Stop<WriteError> {
    fn from(stop: Stop<StoreError>) -> Self {
        match stop {
            Stop::Database(error) => Self::Database(error),
            Stop::Refused(error) => Self::Refused(error.into()),
            Stop::Again => Self::Again,
        }
    }
}

/// Another transaction was in the way: the same may work at once.
pub(super) fn is_transient(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code)
    })
}

/// What there may be only once is there already: the constraint's name.
pub(super) fn conflict(error: &Error) -> Option<&str> {
    let error = error.as_db_error().filter(|error| *error.code() == SqlState::UNIQUE_VIOLATION)?;
    Some(error.constraint().unwrap_or_default())
}

pub(super) fn overtaken() -> StoreError {
    StoreError::Unavailable("others wrote the same at the same time, again and again".to_owned())
}

/// There is no server, or it takes no connections for now: it starts, stops, or has too many.
pub(super) fn is_away(error: &Error) -> bool {
    if let Some(code) = error.code() {
        return matches!(code.code().get(..2), Some("08" | "53" | "57" | "58"));
    }
    // A failed handshake is an I/O error too, but what it says about the configuration does not change by itself.
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<rustls::Error>() {
            return false;
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return !io.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
        }
        cause = error.source();
    }
    error.is_closed()
}

/// The server at the other end takes no writes (any more): a standby, or what was the primary.
pub(super) fn is_read_only(error: &Error) -> bool {
    error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
}

pub(super) fn store_error(error: &Error) -> StoreError {
    let Some(told) = error.as_db_error() else {
        // No answer, or none that is one. What this says names hosts and files, never values.
        return StoreError::Unavailable(with_cause(error));
    };
    let code = told.code().code();
    let class = code.get(..2).unwrap_or_default();
    // Other messages may repeat what was to be written.
    let text = match class {
        "08" | "25" | "28" | "3D" | "42" | "53" | "54" | "55" | "57" | "58" | "XX" => {
            format!("{} ({code})", told.message())
        }
        _ => format!("SQLSTATE {code}"),
    };
    match class {
        _ if is_read_only(error) || code == "53100" => StoreError::ReadOnly(text),
        // Connections, passwords, resources, locks, an operator's intervention, the system; and what was tried again
        // often enough.
        "08" | "28" | "3D" | "40" | "53" | "55" | "57" | "58" => StoreError::Unavailable(text),
        "XX" if code != "XX000" => StoreError::Corrupt(text),
        _ => StoreError::Internal(text),
    }
}

/// An error of the connection says what happened only in its causes.
pub(super) fn with_cause(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
