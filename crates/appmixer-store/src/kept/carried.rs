//! The code that a message carries.

use appmixer_core::CodeDigest;

/// The code with which a message is removed, in its two columns.
#[derive(Clone, Copy)]
pub(crate) enum Carried {
    Nothing,
    Reset(CodeDigest),
    Confirmation(CodeDigest),
}

impl Carried {
    pub(crate) fn reset(&self) -> Option<&[u8]> {
        if let Self::Reset(digest) = self { Some(digest.as_bytes()) } else { None }
    }

    pub(crate) fn confirmation(&self) -> Option<&[u8]> {
        if let Self::Confirmation(digest) = self { Some(digest.as_bytes()) } else { None }
    }
}
