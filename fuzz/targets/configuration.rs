//! The configuration: a file, then an empty line with `---`, then variables of the environment.

#![no_main]

#[allow(dead_code, reason = "only the server uses all of it")]
#[path = "../../crates/appmixer-program/src/config/environment.rs"]
mod environment;
#[path = "../../crates/appmixer-program/src/config/keys.rs"]
mod keys;
#[allow(dead_code, reason = "only the server uses all of it")]
#[path = "../../crates/appmixer-program/src/config/values.rs"]
mod values;

/// What stands in the place of the program's own failure: its message.
mod failure {
    #[allow(dead_code, reason = "a message is all that there is to drop")]
    pub(crate) struct Failure(String);

    impl Failure {
        pub(crate) fn configuration(message: impl Into<String>) -> Self {
            Self(message.into())
        }
    }
}

use environment::Environment;
use figment::Figment;
use figment::providers::{Format as _, Toml};
use figment::value::Dict;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use values::{LogFormat, SecretText, Span};

/// A key of each kind.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sections {
    token: Token,
    log: Log,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Token {
    secret: Option<SecretText>,
    previous_secrets: Vec<SecretText>,
    lifetime: Option<Span>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Log {
    format: Option<LogFormat>,
}

fuzz_target!(|text: &str| {
    let (file, variables) = text.split_once("\n---\n").unwrap_or((text, ""));
    let variables = variables.lines().filter_map(|line| line.split_once('='));
    let variables: Vec<_> = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let Ok(environment) = Environment::of(&variables) else { return };
    let figment = Figment::from(Toml::string(file)).merge(environment);
    let _ = figment.extract::<Dict>();
    let _ = figment.extract::<Sections>();
    if let Ok(span) = text.parse::<Span>() {
        assert_eq!(span.to_string().parse(), Ok(span), "a span is read as it is written");
    }
});
