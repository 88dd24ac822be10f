//! The console's way to the API: a cookie that no script reads, in the place of a token in a header.
//!
//! A browser sends a cookie whoever causes the request. So nothing is done for it that another site has caused
//! ([`same_origin`]), and nothing is changed without a mark that only the console's own page can read ([`Console::csrf`]).
//! Nothing of it is kept: any server with the same secret takes over.

pub(crate) mod cookie;
mod exchange;
mod guard;
mod origin;
pub(crate) mod same_origin;
mod set_up_code;

use std::time::Duration;

use appmixer_token::Marker;
use http::HeaderMap;

use crate::error::ApiError;
use crate::head::Head;
use crate::options::TokenOptions;

pub(crate) use exchange::{Exchange, as_bearer};
pub(crate) use guard::{guard, is_below};
pub use origin::{ConsoleOrigin, InvalidConsoleOrigin};
pub use set_up_code::{SET_UP_CODE_LIFETIME, set_up_code};

/// The longest session, and what it is unless set otherwise.
pub const LONGEST_CONSOLE_SESSION: Duration = Duration::from_hours(12);

/// What the header is called in which a page shows that it can read what the server has told it.
const X_CSRF_TOKEN: &str = "x-csrf-token";
/// What its key is derived for.
const CSRF: &str = "appmixer-http: the console's CSRF token";

/// The console, which is there when it is switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleOptions {
    /// How long a session lasts, in whole seconds, whatever the lifetime of tokens is.
    pub session: Duration,
    /// Where it is alone; none, as by default, for wherever the API is.
    pub origin: Option<ConsoleOrigin>,
}

impl Default for ConsoleOptions {
    fn default() -> Self {
        Self { session: LONGEST_CONSOLE_SESSION, origin: None }
    }
}

/// What the console's routes work with.
pub(crate) struct Console {
    pub(crate) session: Duration,
    origin: Option<ConsoleOrigin>,
    csrf: Marker,
    set_up: Marker,
}

impl Console {
    pub(crate) fn new(options: &ConsoleOptions, tokens: &TokenOptions) -> Self {
        Self {
            session: options.session,
            origin: options.origin.clone(),
            csrf: Marker::new(&tokens.current, &tokens.previous, CSRF),
            set_up: set_up_code::marker(tokens),
        }
    }

    /// Whether the console is where a request asks for it.
    pub(crate) fn is_at(&self, head: &Head<'_>) -> bool {
        self.origin.as_ref().is_none_or(|origin| origin.is_asked(head))
    }

    /// Whether nothing but the server's own is there.
    pub(crate) fn is_alone_at(&self, head: &Head<'_>) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.is_asked(head))
    }

    /// Whether the browser is known to use TLS.
    pub(crate) fn is_secure(&self, head: &Head<'_>) -> bool {
        self.origin.as_ref().is_some_and(ConsoleOrigin::is_https) || head.is_https()
    }

    /// What a page that has this session must show to change anything.
    pub(crate) fn csrf(&self, token: &str) -> Result<String, ApiError> {
        self.csrf.mark(token).ok_or_else(|| ApiError::internal(&"no key can be derived for CSRF tokens"))
    }

    /// Goes on for requests of a page that has the session.
    pub(crate) fn check_csrf(&self, headers: &HeaderMap, token: &str) -> Result<(), ApiError> {
        let mut shown = headers.get_all(X_CSRF_TOKEN).iter();
        let mark = shown.next().filter(|_| shown.next().is_none()).and_then(|mark| mark.to_str().ok());
        if mark.is_some_and(|mark| self.csrf.is_mark_of(mark, token)) {
            Ok(())
        } else {
            Err(ApiError::forbidden("X-CSRF-Token must be the one of this session"))
        }
    }
}
