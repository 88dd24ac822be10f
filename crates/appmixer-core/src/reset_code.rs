//! Codes with which somebody who has forgotten a password chooses another one.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::password::HashError;

/// How long a code is good (contract, `POST /user/forgot-password/reset`).
pub const RESET_CODE_LIFETIME: Duration = Duration::from_hours(1);

/// The most codes of one user that are good at a time: who asks twice may use the mail that comes first. One
/// more takes the place of the oldest.
pub const MAX_RESET_CODES: u32 = 3;

/// 32 bytes in base64url without padding.
const LENGTH: usize = 43;

/// A code in the clear: 256 random bits as 43 characters of base64url (RFC 4648 section 5).
///
/// It has no `Debug` and wipes itself. What is kept of it is its [`CodeDigest`].
#[derive(Clone)]
pub struct ResetCode(Zeroizing<String>);

/// The text does not have a code's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be a code as it was sent")]
pub struct InvalidCode;

impl ResetCode {
    /// The code of these bytes, which must be random.
    #[must_use]
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Reads a code.
    ///
    /// # Errors
    /// [`InvalidCode`].
    pub fn parse(text: String) -> Result<Self, InvalidCode> {
        let text = Zeroizing::new(text);
        let good = text.len() == LENGTH
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if good { Ok(Self(text)) } else { Err(InvalidCode) }
    }

    /// The code's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is kept of a code: the SHA-256 of its text. 256 random bits need no salt and no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodeDigest([u8; 32]);

impl CodeDigest {
    /// The digest with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigest(..)")
    }
}

/// Makes codes and their digests: the domain has neither randomness nor cryptography of its own.
pub trait CodeMaker: Send + Sync {
    /// A new code.
    ///
    /// # Errors
    /// [`HashError::Failed`]: the system has no random bytes.
    fn make(&self) -> Result<ResetCode, HashError>;

    /// The SHA-256 of a code's text.
    fn digest(&self, code: &ResetCode) -> CodeDigest;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_shapes_are_refused() {
        for text in ["", "short", &"a".repeat(42), &"a".repeat(44), &"=".repeat(43), &"é".repeat(21)] {
            assert_eq!(ResetCode::parse(text.to_owned()).err(), Some(InvalidCode), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_code_survives_its_text(bytes: [u8; 32]) {
            let code = ResetCode::from_random(&bytes);
            let read = ResetCode::parse(code.as_str().to_owned()).unwrap();
            prop_assert_eq!(read.as_str(), code.as_str());
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = ResetCode::parse(text);
        }
    }
}
