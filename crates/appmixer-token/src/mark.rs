//! Marks that only whoever has the server's secret can make, on texts that are no tokens.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac::{self, HMAC_SHA256};

use crate::compact::encode;
use crate::secret::Secret;

/// Separates this use of the secret from every other.
const SALT: &[u8] = b"appmixer-token: marks on texts";

/// How long a mark is: 32 bytes in base64url without padding.
const LENGTH: usize = 43;

/// Marks texts for one purpose with HMAC-SHA256 (RFC 2104), under keys that HKDF-SHA256 (RFC 5869) derives from secrets.
///
/// ```
/// use appmixer_token::{Marker, Secret};
///
/// let secret = Secret::new(b"a secret of at least 32 bytes, as it is random")?;
/// let marker = Marker::new(&secret, &[], "invitations");
/// let mark = marker.mark("joe@acme until 2031").ok_or("the system cannot")?;
/// assert!(marker.is_mark_of(&mark, "joe@acme until 2031"));
/// assert!(!marker.is_mark_of(&mark, "joe@acme until 2041"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Every server with the secret makes the same marks. `Debug` shows nothing of the keys.
#[derive(Clone)]
pub struct Marker(Vec<hmac::Key>);

impl Marker {
    /// Marks under `current`, and knows the marks under it and under the `previous`.
    #[must_use]
    pub fn new(current: &Secret, previous: &[Secret], purpose: &str) -> Self {
        Self(std::iter::once(current).chain(previous).filter_map(|secret| derive(secret, purpose)).collect())
    }

    /// The mark of a text: 43 characters of base64url. None if the system cannot, which is no matter of input.
    #[must_use]
    pub fn mark(&self, text: &str) -> Option<String> {
        Some(encode(hmac::sign(self.0.first()?, text.as_bytes())))
    }

    /// Whether this is the mark of that text. Takes the same time wherever the two differ.
    #[must_use]
    pub fn is_mark_of(&self, mark: &str, text: &str) -> bool {
        // The length is no secret, and bounds what is decoded.
        if mark.len() != LENGTH {
            return false;
        }
        let Ok(tag) = URL_SAFE_NO_PAD.decode(mark) else { return false };
        self.0.iter().any(|key| hmac::verify(key, text.as_bytes(), &tag).is_ok())
    }
}

fn derive(secret: &Secret, purpose: &str) -> Option<hmac::Key> {
    let key = Salt::new(HKDF_SHA256, SALT).extract(secret.encoding.as_bytes());
    key.expand(&[purpose.as_bytes()], HMAC_SHA256).ok().map(hmac::Key::from)
}

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marker(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret(byte: u8) -> Secret {
        Secret::new(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_mark_is_good_for_its_text_purpose_and_secret_alone() {
        let marker = Marker::new(&secret(1), &[], "a");
        let mark = marker.mark("text").unwrap();
        assert_eq!(mark.len(), LENGTH);
        assert!(marker.is_mark_of(&mark, "text") && !marker.is_mark_of(&mark, "texts"));
        assert!(!Marker::new(&secret(1), &[], "b").is_mark_of(&mark, "text"));
        assert!(!Marker::new(&secret(2), &[], "a").is_mark_of(&mark, "text"));
        assert_eq!(Marker::new(&secret(1), &[], "a").mark("text").unwrap(), mark, "on every server");
    }

    #[test]
    fn marks_outlive_a_change_of_the_secret_while_the_old_one_is_among_the_previous() {
        let old = Marker::new(&secret(1), &[], "a").mark("text").unwrap();
        let marker = Marker::new(&secret(2), &[secret(1)], "a");
        assert!(marker.is_mark_of(&old, "text"));
        assert_ne!(marker.mark("text").unwrap(), old);
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", Marker::new(&secret(1), &[], "a")), "Marker(..)");
    }

    proptest! {
        #[test]
        fn a_mark_with_a_character_changed_is_none(place in 0..LENGTH, other in "[A-Za-z0-9_=. -]") {
            let marker = Marker::new(&secret(1), &[], "a");
            let mark = marker.mark("text").unwrap();
            let mut changed = mark.clone();
            changed.replace_range(place..=place, &other);
            prop_assert_eq!(marker.is_mark_of(&changed, "text"), changed == mark);
        }

        #[test]
        fn no_text_panics(mark: String, text: String) {
            prop_assert!(!Marker::new(&secret(1), &[], "a").is_mark_of(&mark, &text));
        }
    }
}
