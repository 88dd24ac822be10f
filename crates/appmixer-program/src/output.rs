//! Writes to standard output and standard error. Nothing else in this crate does (clippy denies `println!`).
//!
//! `println!` panics if the reader has gone or the disk is full, possibly after a change was committed. Instead:
//!
//! - [`outln!`] prints a line of the result. It cannot fail at the call: the first error is stored, and [`finish`]
//!   reports it when the command ends.
//! - [`write()`] prints output that may be long, such as a page of a list. It fails, so that the command can stop.
//! - [`errln!`] prints a notice for the person at the terminal. A notice that cannot be written is dropped.
//!
//! If the reader has closed the pipe, the command ends without a message and with status 0: what it had to change is
//! changed. Any other error is one line on standard error and status 1.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use crate::failure::Failure;

/// Prints a line to standard output, as `println!` does, and never panics.
macro_rules! outln {
    ($($arg:tt)*) => { $crate::output::line(format_args!($($arg)*)) };
}
pub(crate) use outln;

/// Prints a line to standard error, as `eprintln!` does, and never panics.
macro_rules! errln {
    ($($arg:tt)*) => { $crate::output::notice(format_args!($($arg)*)) };
}
pub(crate) use errln;

/// The first error of [`line()`]. Later lines are not written: a result with a hole would mislead.
static FIRST_ERROR: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a line to standard output; called by [`outln!`].
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let mut error = FIRST_ERROR.lock().unwrap_or_else(PoisonError::into_inner);
    if error.is_none() {
        *error = writeln!(io::stdout(), "{text}").err();
    }
}

/// Prints a line to standard error; called by [`errln!`].
pub(crate) fn notice(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Shows a question at the terminal; the answer follows on the same line.
pub(crate) fn question(text: &str) -> io::Result<()> {
    let mut stderr = io::stderr();
    write!(stderr, "{text} ")?;
    stderr.flush()
}

/// Prints to standard output at once.
///
/// # Errors
/// The failure to end the command with.
pub(crate) fn write(text: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    stdout.write_all(text).and_then(|()| stdout.flush()).map_err(|error| failure(&error))
}

/// Flushes standard output when the command has ended.
///
/// # Errors
/// Something could not be written.
pub(crate) fn finish() -> Result<(), Failure> {
    let error = FIRST_ERROR.lock().unwrap_or_else(PoisonError::into_inner).take();
    error.map_or_else(|| io::stdout().flush(), Err).map_err(|error| failure(&error))
}

/// The failure of a command whose output cannot be written.
pub(crate) fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::reader_gone(),
        _ => Failure::refused(format!("standard output cannot be written: {error}")),
    }
}
