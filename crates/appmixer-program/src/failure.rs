//! How a command ends when it does not end well: one line, and a status that scripts can tell apart.

use std::fmt;
use std::process::ExitCode;

/// What went wrong, for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The thing that was asked for could not be done: status 1.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// Configuration, address or folder are not fit for use: status 2, as for wrong arguments.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// What was asked has the answer no, which has been printed: status 1.
    pub(crate) const fn no() -> Self {
        Self { code: 1, message: String::new() }
    }

    /// Nothing reads the output any more, as after `head`: status 0, without a message.
    pub(crate) const fn reader_gone() -> Self {
        Self { code: 0, message: String::new() }
    }

    /// clap has printed what is wrong with the arguments: status 2.
    pub(crate) const fn usage() -> Self {
        Self { code: 2, message: String::new() }
    }

    /// Whether there is nothing more to say.
    pub(crate) const fn is_told(&self) -> bool {
        self.message.is_empty()
    }

    #[cfg(test)]
    pub(crate) const fn code(&self) -> u8 {
        self.code
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        self.code.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<appmixer_store::OpenError> for Failure {
    fn from(error: appmixer_store::OpenError) -> Self {
        Self::configuration(error.to_string())
    }
}

impl From<appmixer_store::PostgresError> for Failure {
    fn from(error: appmixer_store::PostgresError) -> Self {
        // Whoever supervises the server tries again after status 1, and not after 2.
        if error.is_temporary() {
            return Self::refused(error.to_string());
        }
        Self::configuration(error.to_string())
    }
}

impl From<appmixer_store::BackupError> for Failure {
    fn from(error: appmixer_store::BackupError) -> Self {
        Self::refused(error.to_string())
    }
}

impl From<appmixer_password::PoolError> for Failure {
    fn from(error: appmixer_password::PoolError) -> Self {
        Self::refused(error.to_string())
    }
}

impl From<appmixer_core::StoreError> for Failure {
    fn from(error: appmixer_core::StoreError) -> Self {
        Self::refused(error.to_string())
    }
}

impl From<appmixer_core::WriteError> for Failure {
    fn from(error: appmixer_core::WriteError) -> Self {
        Self::refused(error.to_string())
    }
}

impl From<appmixer_http::RotateError> for Failure {
    fn from(error: appmixer_http::RotateError) -> Self {
        match error {
            appmixer_http::RotateError::OtherSecret(why) => Self::refused(format!(
                "what the database has: {why}; this command needs the token.secret that the server has"
            )),
            other => Self::refused(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::refused(error.to_string())
    }
}
