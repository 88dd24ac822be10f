//! Passwords that nobody may choose: an operator's list, as NIST SP 800-63B section 3.1.1.2 asks for.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// The most entries of a list: 80 MB of memory at eight bytes each.
pub const MAX_REFUSED_PASSWORDS: usize = 10_000_000;

/// The list has more than [`MAX_REFUSED_PASSWORDS`] entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must have at most {MAX_REFUSED_PASSWORDS} passwords")]
pub struct TooManyRefused;

/// Passwords that are refused, whatever their case and Unicode normal form.
///
/// Keeps eight bytes of each: that a good password collides with one of ten million has odds of about
/// one in 10^12, and costs its owner another choice.
#[derive(Default)]
pub struct RefusedPasswords(Box<[u64]>);

impl RefusedPasswords {
    /// Takes a list; empty entries are left out.
    ///
    /// # Errors
    /// [`TooManyRefused`], as soon as the list turns out to be too long.
    pub fn new<S: AsRef<str>>(passwords: impl IntoIterator<Item = S>) -> Result<Self, TooManyRefused> {
        let mut digests = Vec::new();
        for password in passwords {
            let password = password.as_ref();
            if password.is_empty() {
                continue;
            }
            if digests.len() == MAX_REFUSED_PASSWORDS {
                return Err(TooManyRefused);
            }
            digests.push(digest(password));
        }
        digests.sort_unstable();
        digests.dedup();
        Ok(Self(digests.into()))
    }

    /// Whether the list has this text.
    #[must_use]
    pub fn contains(&self, password: &str) -> bool {
        !self.0.is_empty() && self.0.binary_search(&digest(password)).is_ok()
    }
}

impl fmt::Debug for RefusedPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefusedPasswords({})", self.0.len())
    }
}

fn digest(password: &str) -> u64 {
    let folded: Zeroizing<String> =
        Zeroizing::new(password.nfc().flat_map(char::to_lowercase).nfc().collect());
    let mut hasher = DefaultHasher::new();
    folded.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_password_is_refused_in_any_case_and_normal_form_and_no_other_is() {
        let refused = RefusedPasswords::new(["Password1", "", "caf\u{e9}12"]).unwrap();
        for text in ["password1", "PASSWORD1", "CAFE\u{301}12"] {
            assert!(refused.contains(text), "{text}");
        }
        for text in ["", "password", "password12", "cafe12", "abc321"] {
            assert!(!refused.contains(text), "{text}");
        }
        assert!(!RefusedPasswords::default().contains("password1"));
    }
}
