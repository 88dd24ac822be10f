//! Public keys: their forms, and the thumbprints by which they are known.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use ring::digest::{SHA256, digest};

use crate::algorithm::Algorithm;

/// A public key. There is nothing secret in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// Of Ed25519 (RFC 8032 section 5.1.5).
    Ed25519([u8; 32]),
    /// Of P-256: the coordinates x and y.
    P256([u8; 32], [u8; 32]),
}

impl PublicKey {
    /// The algorithm whose signatures it verifies.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::P256(..) => Algorithm::Es256,
        }
    }

    /// The key's SHA-256 thumbprint (RFC 7638, RFC 8037 section 2), which is its `kid`.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // The required members alone, in the order of their names.
        let text = match self {
            Self::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url(x)),
            Self::P256(x, y) => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, base64url(x), base64url(y))
            }
        };
        base64url(digest(&SHA256, text.as_bytes()))
    }

    pub(crate) fn from_uncompressed(bytes: &[u8]) -> Option<Self> {
        // 4 says that both coordinates follow (SEC 1 section 2.3.3).
        let (x, y) = bytes.strip_prefix(&[4])?.split_at_checked(32)?;
        Some(Self::P256(x.try_into().ok()?, y.try_into().ok()?))
    }

    pub(crate) fn decoding(&self) -> DecodingKey {
        match self {
            Self::Ed25519(x) => DecodingKey::from_ed_der(x),
            Self::P256(x, y) => DecodingKey::from_ec_der(&[&[4], x.as_slice(), y].concat()),
        }
    }
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_that_of_the_standards_example() {
        // RFC 8037 appendix A.3.
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = PublicKey::Ed25519(x.try_into().unwrap());
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
