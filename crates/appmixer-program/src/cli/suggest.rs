//! Words that shells offer for a value which may be another text too.

use std::ffi::OsStr;

use appmixer_core::{AuditKind, KNOWN_KEYS};
use appmixer_token::Algorithm;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

/// A text, for which completions offer some words. Whoever reads it says what is wrong with another one.
#[derive(Clone)]
pub(crate) struct Suggested(fn() -> Vec<&'static str>);

/// How keys sign.
pub(crate) const ALGORITHMS: Suggested = Suggested(|| Algorithm::ALL.map(Algorithm::as_str).into());

/// The kinds of entries of the audit log.
pub(crate) const AUDIT_KINDS: Suggested = Suggested(|| AuditKind::ALL.map(AuditKind::as_str).into());

/// The keys of the system configuration that the server knows.
pub(crate) const CONFIG_KEYS: Suggested = Suggested(|| KNOWN_KEYS.iter().map(|key| key.name).collect());

/// Appmixer's plans.
pub(crate) const PLANS: Suggested = Suggested(|| vec!["free", "beta", "subscription"]);

/// What lists of users can be sorted by.
pub(crate) const SORT_KEYS: Suggested = Suggested(|| vec!["created", "username", "email"]);

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}
