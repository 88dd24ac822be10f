//! Codes that a test can foretell.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::password::HashError;
use crate::reset_code::{CodeDigest, CodeMaker, ResetCode};

/// Makes the codes 1, 2, 3 and so on. The digest of a code is the number itself.
#[derive(Debug, Default)]
pub struct NumberedCodes(AtomicU32);

impl NumberedCodes {
    /// The code of this number.
    #[must_use]
    pub fn code(number: u32) -> ResetCode {
        let mut bytes = [0; 32];
        bytes[28..].copy_from_slice(&number.to_be_bytes());
        ResetCode::from_random(&bytes)
    }

    /// How many codes have been made.
    #[must_use]
    pub fn made(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

impl CodeMaker for NumberedCodes {
    fn make(&self) -> Result<ResetCode, HashError> {
        Ok(Self::code(self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }

    fn digest(&self, code: &ResetCode) -> CodeDigest {
        let mut digest = [0; 32];
        if let Ok(bytes) = URL_SAFE_NO_PAD.decode(code.as_str()) {
            let length = bytes.len().min(32);
            digest[..length].copy_from_slice(&bytes[..length]);
        }
        CodeDigest::from_bytes(digest)
    }
}
