//! JWK sets (RFC 7517, RFC 8037): public keys as servers publish them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::key::VerifyingKey;
use crate::keys::Verifier;
use crate::public::{PublicKey, base64url};

/// The largest set that is read, in bytes.
pub const MAX_JWKS_BYTES: usize = 64 * 1024;
/// The most keys that a set may have.
pub const MAX_JWKS_KEYS: usize = 64;
/// The longest `kid` that is taken, in bytes.
const MAX_KID_BYTES: usize = 256;

/// Members that only private keys have (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

/// Why a set is not taken. No text of the set is ever part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JwksError {
    /// More than [`MAX_JWKS_BYTES`] or [`MAX_JWKS_KEYS`].
    #[error("the JWK set is too large")]
    TooLarge,
    /// No JSON object with an array `keys`.
    #[error("it is no JWK set")]
    Malformed,
    /// There is a private key or a secret in it: whoever publishes that has a problem, and so have its users.
    #[error("the JWK set holds a private key")]
    Private,
}

/// A set of public keys that verify tokens.
#[derive(Clone, Debug, Default)]
pub struct Jwks(Vec<VerifyingKey>);

#[derive(Deserialize)]
struct Set {
    keys: Vec<Map<String, Value>>,
}

impl Jwks {
    /// Reads a set. Keys for other purposes or algorithms, and those that cannot be read, are left out
    /// (RFC 7517 section 5).
    ///
    /// # Errors
    /// [`JwksError`].
    pub fn parse(json: &[u8]) -> Result<Self, JwksError> {
        if json.len() > MAX_JWKS_BYTES {
            return Err(JwksError::TooLarge);
        }
        let set: Set = serde_json::from_slice(json).map_err(|_| JwksError::Malformed)?;
        if set.keys.len() > MAX_JWKS_KEYS {
            return Err(JwksError::TooLarge);
        }
        if set.keys.iter().any(|key| PRIVATE.iter().any(|member| key.contains_key(*member))) {
            return Err(JwksError::Private);
        }
        Ok(Self(set.keys.iter().filter_map(read).collect()))
    }

    /// The set as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        json!({ "keys": self.0.iter().filter_map(shown).collect::<Vec<_>>() }).to_string()
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.0
    }

    /// What verifies by these keys.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier::new(self.0.clone())
    }
}

impl FromIterator<VerifyingKey> for Jwks {
    /// Secrets are left out: nobody publishes them.
    fn from_iter<T: IntoIterator<Item = VerifyingKey>>(keys: T) -> Self {
        Self(keys.into_iter().filter(|key| key.public().is_some()).collect())
    }
}

fn read(jwk: &Map<String, Value>) -> Option<VerifyingKey> {
    let text = |member: &str| jwk.get(member).and_then(Value::as_str);
    let bytes = |member| -> Option<[u8; 32]> { URL_SAFE_NO_PAD.decode(text(member)?).ok()?.try_into().ok() };
    let public = match (text("kty")?, text("crv")?) {
        ("OKP", "Ed25519") => PublicKey::Ed25519(bytes("x")?),
        ("EC", "P-256") => PublicKey::P256(bytes("x")?, bytes("y")?),
        _ => return None,
    };
    let is_or_none = |member, wanted: &[&str]| match jwk.get(member) {
        None => true,
        Some(value) => value.as_str().is_some_and(|text| wanted.contains(&text)),
    };
    // RFC 9864 has another name for what EdDSA means here.
    let names: &[&str] = match public {
        PublicKey::Ed25519(_) => &["EdDSA", "Ed25519"],
        PublicKey::P256(..) => &["ES256"],
    };
    let for_verifying = jwk.get("key_ops").is_none_or(|operations| {
        operations.as_array().is_some_and(|list| list.iter().any(|operation| operation == "verify"))
    });
    if !is_or_none("use", &["sig"]) || !is_or_none("alg", names) || !for_verifying {
        return None;
    }
    match text("kid") {
        Some(kid) if kid.len() > MAX_KID_BYTES => None,
        Some(kid) => Some(VerifyingKey::named(kid.to_owned(), public)),
        None => Some(public.into()),
    }
}

fn shown(key: &VerifyingKey) -> Option<Value> {
    let (kid, alg) = (key.kid()?, key.algorithm().as_str());
    Some(match key.public()? {
        PublicKey::Ed25519(x) => json!({
            "kty": "OKP", "crv": "Ed25519", "x": base64url(x), "use": "sig", "alg": alg, "kid": kid
        }),
        PublicKey::P256(x, y) => json!({
            "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y),
            "use": "sig", "alg": alg, "kid": kid
        }),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ED: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    fn kids(keys: &[&str]) -> Result<Vec<String>, JwksError> {
        let set = Jwks::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes())?;
        Ok(set.keys().iter().map(|key| key.kid().unwrap().to_owned()).collect())
    }

    #[test]
    fn what_is_no_key_for_verifying_here_is_left_out() {
        let good = format!(r#"{{{ED},"kid":"a"}}"#);
        for other in [
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"b"}"#.to_owned(),
            r#"{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#.to_owned(),
            r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#.to_owned(),
            r#"{"kty":"EC","crv":"P-256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#.to_owned(),
            format!(r#"{{{ED},"use":"enc"}}"#),
            format!(r#"{{{ED},"alg":"ES256"}}"#),
            format!(r#"{{{ED},"key_ops":["sign"]}}"#),
            format!(r#"{{{ED},"kid":"{}"}}"#, "k".repeat(257)),
            "{}".to_owned(),
        ] {
            assert_eq!(kids(&[&other, &good]).unwrap(), ["a"], "{other}");
        }
        let unnamed = format!(r#"{{{ED},"alg":"Ed25519","key_ops":["verify"],"use":"sig"}}"#);
        assert_eq!(kids(&[&unnamed]).unwrap(), ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"]);
    }

    #[test]
    fn a_set_with_a_private_key_or_a_secret_is_refused_as_a_whole() {
        for private in [format!(r#"{{{ED},"d":"AAAA"}}"#), r#"{"kty":"oct","k":"AAAA"}"#.to_owned()] {
            assert_eq!(kids(&[&private]), Err(JwksError::Private), "{private}");
        }
    }

    #[test]
    fn a_set_is_bounded_in_bytes_and_keys() {
        let many = vec!["{}"; MAX_JWKS_KEYS + 1];
        assert_eq!(kids(&many), Err(JwksError::TooLarge));
        assert!(kids(&many[1..]).is_ok());
        assert_eq!(Jwks::parse(&vec![b' '; MAX_JWKS_BYTES + 1]).err(), Some(JwksError::TooLarge));
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#] {
            assert_eq!(Jwks::parse(text.as_bytes()).err(), Some(JwksError::Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_set_survives_its_text(keys in prop::collection::vec(any::<(bool, [u8; 32], [u8; 32])>(), 0..5)) {
            let set: Jwks = keys.into_iter().map(|(is_ed, x, y)| {
                VerifyingKey::from(if is_ed { PublicKey::Ed25519(x) } else { PublicKey::P256(x, y) })
            }).collect();
            let read = Jwks::parse(set.to_json().as_bytes()).unwrap();
            prop_assert_eq!(read.to_json(), set.to_json());
            prop_assert_eq!(read.keys().len(), set.keys().len());
        }

        #[test]
        fn no_text_panics(text in r#"\{"keys":\[(\{("(kty|crv|x|kid|use)":("[a-zA-Z0-9-]{0,44}"|1|null),?){0,5}\},?){0,3}\]\}"#) {
            let _ = Jwks::parse(text.as_bytes());
        }
    }
}
