//! The code with which the first administrator is made: `EXPIRY.MARK`, which any server with the same secret makes and
//! takes, and nobody keeps.
//!
//! It counts once because there is a first administrator once: the last one cannot be deleted.

use std::time::Duration;

use appmixer_core::Timestamp;
use appmixer_token::Marker;

use super::Console;
use crate::options::TokenOptions;

/// How long a code is good.
pub const SET_UP_CODE_LIFETIME: Duration = Duration::from_hours(24);

/// What its key is derived for.
const PURPOSE: &str = "appmixer-http: the first administrator's code";

/// The most digits of a time in seconds.
const MOST_DIGITS: usize = 12;

pub(super) fn marker(tokens: &TokenOptions) -> Marker {
    Marker::new(&tokens.current, &tokens.previous, PURPOSE)
}

/// A code that makes the first administrator at `POST /console/setup` within [`SET_UP_CODE_LIFETIME`] from now, while
/// there is none. It is a secret: for the operator alone.
///
/// None if the system has no cryptography, which is no matter of input.
#[must_use]
pub fn set_up_code(tokens: &TokenOptions, now: Timestamp) -> Option<String> {
    let expiry = now.after(SET_UP_CODE_LIFETIME).seconds().to_string();
    let mark = marker(tokens).mark(&expiry)?;
    Some(format!("{expiry}.{mark}"))
}

impl Console {
    /// Whether the code is one of ours, and not yet too old.
    pub(crate) fn is_set_up_code(&self, code: &str, now: Timestamp) -> bool {
        let Some((expiry, mark)) = code.split_once('.').filter(|(expiry, _)| expiry.len() <= MOST_DIGITS)
        else {
            return false;
        };
        // The text is what is marked, so there is one way to write a time.
        self.set_up.is_mark_of(mark, expiry) && expiry.parse().is_ok_and(|end: u64| now.seconds() < end)
    }
}

#[cfg(test)]
mod tests {
    use appmixer_token::{Algorithm, Secret};
    use proptest::prelude::*;

    use super::*;
    use crate::console::ConsoleOptions;

    fn tokens(byte: u8, previous: &[u8]) -> TokenOptions {
        let secret = |byte: u8| Secret::new(&[byte; 32]).unwrap();
        TokenOptions {
            current: secret(byte),
            previous: previous.iter().map(|byte| secret(*byte)).collect(),
            algorithm: Algorithm::Hs256,
            allow_short_secret: false,
        }
    }

    fn is_good(tokens: &TokenOptions, code: &str, seconds: u64) -> bool {
        Console::new(&ConsoleOptions::default(), tokens)
            .is_set_up_code(code, Timestamp::from_seconds(seconds))
    }

    #[test]
    fn a_code_is_good_for_a_day_wherever_the_secret_is() {
        let code = set_up_code(&tokens(1, &[]), Timestamp::from_seconds(1000)).unwrap();
        assert!(is_good(&tokens(1, &[]), &code, 1000) && is_good(&tokens(2, &[1]), &code, 1000));
        assert!(is_good(&tokens(1, &[]), &code, 1000 + 86_399));
        assert!(!is_good(&tokens(1, &[]), &code, 1000 + 86_400));
        assert!(!is_good(&tokens(2, &[]), &code, 1000));
    }

    #[test]
    fn a_code_that_was_changed_or_made_for_something_else_is_none() {
        let tokens = tokens(1, &[]);
        let code = set_up_code(&tokens, Timestamp::from_seconds(1000)).unwrap();
        let (expiry, mark) = code.split_once('.').unwrap();
        let csrf = Console::new(&ConsoleOptions::default(), &tokens).csrf(expiry).unwrap();
        for forged in [
            format!("9{expiry}.{mark}"),
            format!("0{expiry}.{mark}"),
            format!("+{expiry}.{mark}"),
            format!("{expiry}.{csrf}"),
            format!("{expiry}.{mark}."),
            format!("{expiry}{mark}"),
            format!("{}.{mark}", "9".repeat(1000)),
            String::new(),
            ".".to_owned(),
        ] {
            assert!(!is_good(&tokens, &forged, 1000), "{forged}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            prop_assert!(!is_good(&tokens(1, &[]), &text, 0));
        }
    }
}
