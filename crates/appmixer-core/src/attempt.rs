//! Attempts to prove who one is, for the limits on guessing to count.

use crate::name::Names;
use crate::password::{HashError, Verdict};

/// One attempt to prove an identity, with a password or a code.
///
/// An attempt that is charged and then dropped without an outcome was aborted, and counts as a failure: a client that
/// does not wait for the answer costs as much as one that does.
pub trait Attempt: Send {
    /// Charges the attempt. Called when its hash is queued, or its code looked up.
    fn charge(&mut self);

    /// Reports the outcome. Called once, when it is known.
    fn settle(&mut self, outcome: AttemptOutcome<'_>);
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug)]
pub enum AttemptOutcome<'a> {
    /// The proof is right. The account has these names.
    Succeeded(&'a Names),
    /// The proof is wrong.
    Failed,
    /// It counts for nothing: it was not checked, or it is right and the account may not sign in.
    Void,
}

impl<'a> AttemptOutcome<'a> {
    /// The outcome of comparing a password with that of the account with these names.
    pub(crate) fn of(verdict: &Result<Verdict, HashError>, names: &'a Names) -> Self {
        match verdict {
            Ok(verdict) if verdict.matches => Self::Succeeded(names),
            Ok(_) => Self::Failed,
            Err(_) => Self::Void,
        }
    }
}
