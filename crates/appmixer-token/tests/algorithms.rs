//! Keys of several algorithms in one set: no token gets past the algorithm of its key (RFC 8725 sections 2.1, 3.1).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use appmixer_token::{Algorithm, Claims, Jwks, KeySet, PublicKey, Secret, SigningKey, TokenError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

const NOW: u64 = 1_552_500_000;
const ASYMMETRIC: [Algorithm; 2] = [Algorithm::EdDsa, Algorithm::Es256];

fn claims() -> Claims {
    Claims {
        id: "5c88c7cc04a917256c726c3d".into(),
        scope: vec!["user".into()],
        iat: 1_552_492_609,
        exp: 1_555_084_609,
        generation: None,
    }
}

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap()
}

fn set(key: SigningKey) -> KeySet {
    KeySet::of([key], [])
}

fn header(token: &str) -> String {
    let part = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    String::from_utf8(part).unwrap()
}

/// The token under another header, with a signature made by `sign`.
fn under(token: &str, header: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let payload = token.split('.').nth(1).unwrap();
    let message = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

#[test]
fn a_token_names_its_algorithm_and_the_thumbprint_of_its_key() {
    for algorithm in ASYMMETRIC {
        let key = key(algorithm);
        let kid = key.verifying().public().unwrap().thumbprint();
        let keys = set(key);
        let token = keys.issue(&claims()).unwrap();
        assert_eq!(header(&token), format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{kid}"}}"#));
        assert_eq!(keys.verify(&token, NOW), Ok(claims()));
    }
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    for algorithm in ASYMMETRIC {
        let key = key(algorithm);
        let bytes = match *key.verifying().public().unwrap() {
            PublicKey::Ed25519(x) => x.to_vec(),
            PublicKey::P256(x, y) => [&[4], x.as_slice(), &y].concat(),
        };
        let kid = key.verifying().kid().unwrap().to_owned();
        let jwks = set(key.clone()).jwks(NOW).to_json();
        let (public, with_secret) = (
            set(key.clone()),
            KeySet::of(
                [key],
                [Secret::new(b"another secret, of which nobody knows anything").unwrap().into()],
            ),
        );
        let token = public.issue(&claims()).unwrap();
        for secret in [bytes.as_slice(), jwks.as_bytes(), kid.as_bytes()] {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let sign = |message: &[u8]| hmac::sign(&secret, message).as_ref().to_vec();
            let named = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#);
            for header in [r#"{"alg":"HS256","typ":"JWT"}"#, &named] {
                let forged = under(&token, header, sign);
                assert_eq!(public.verify(&forged, NOW), Err(TokenError::Unsupported));
                assert_eq!(with_secret.verify(&forged, NOW), Err(TokenError::BadSignature));
            }
            // And under the right name of the algorithm it is no signature.
            let forged = under(&token, &self::header(&token), sign);
            assert_eq!(public.verify(&forged, NOW), Err(TokenError::BadSignature));
        }
    }
}

#[test]
fn none_and_other_algorithms_are_refused_beside_public_keys_too() {
    for algorithm in ASYMMETRIC {
        let keys = set(key(algorithm));
        let token = keys.issue(&claims()).unwrap();
        for alg in ["none", "NONE", "", "RS256", "ES384", "PS256", "eddsa", "Ed25519", "ES256K", "HS256"] {
            let header = header(&token).replace(algorithm.as_str(), alg);
            let forged = under(&token, &header, |_| Vec::new());
            assert_eq!(keys.verify(&forged, NOW), Err(TokenError::Unsupported), "{alg}");
        }
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert_eq!(keys.verify(&unsigned, NOW), Err(TokenError::BadSignature));
    }
}

#[test]
fn a_token_is_verified_by_the_key_that_it_names_and_no_other() {
    for algorithm in ASYMMETRIC {
        let (one, other) = (key(algorithm), key(algorithm));
        let both = KeySet::of([one.clone(), other.clone()], []);
        let token = set(other.clone()).issue(&claims()).unwrap();
        assert_eq!(both.verify(&token, NOW), Ok(claims()));
        assert_eq!(set(one.clone()).verify(&token, NOW), Err(TokenError::BadSignature));
        // The signature is `other`'s; the names are not.
        for kid in [one.verifying().kid().unwrap(), "", "unknown"] {
            let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{kid}"}}"#);
            let signature = token.rsplit_once('.').unwrap().1;
            let forged = under(&token, &header, |_| URL_SAFE_NO_PAD.decode(signature).unwrap());
            assert_eq!(both.verify(&forged, NOW), Err(TokenError::BadSignature), "{kid}");
        }
        for (header, error) in [
            (format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#), TokenError::BadSignature),
            (format!(r#"{{"alg":"{algorithm}","kid":"a","kid":"b"}}"#), TokenError::Malformed),
            (format!(r#"{{"alg":"{algorithm}","kid":7}}"#), TokenError::Malformed),
            (
                format!(r#"{{"alg":"{algorithm}","kid":"a","crit":["b64"],"b64":false}}"#),
                TokenError::Unsupported,
            ),
        ] {
            assert_eq!(both.verify(&under(&token, &header, |_| vec![0; 64]), NOW), Err(error), "{header}");
        }
    }
}

#[test]
fn an_ecdsa_signature_has_the_one_form_of_the_standard() {
    let key = key(Algorithm::Es256);
    let keys = set(key.clone());
    let token = keys.issue(&claims()).unwrap();
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.private_bytes(), &random);
    let pair = pair.unwrap();
    // A good signature by the right key, in DER.
    let der =
        under(&token, &header(&token), |message| pair.sign(&random, message).unwrap().as_ref().to_vec());
    assert_eq!(keys.verify(&der, NOW), Err(TokenError::BadSignature));
    // All zeros (CVE-2022-21449), too short, too long.
    for signature in [vec![0; 64], vec![0; 63], vec![0; 65], vec![0xff; 64]] {
        let forged = under(&token, &header(&token), |_| signature.clone());
        assert_eq!(keys.verify(&forged, NOW), Err(TokenError::BadSignature));
    }
}

#[test]
fn who_has_the_published_keys_verifies_and_learns_no_secret() {
    let secret = Secret::new(b"a secret that must not be published by anybody").unwrap();
    let (ed, ec) = (key(Algorithm::EdDsa), key(Algorithm::Es256));
    let keys = KeySet::of([ed.clone(), ec.clone(), secret.clone().into()], []);
    let published = keys.jwks(NOW).to_json();
    assert_eq!(published.matches("\"kid\"").count(), 2);
    for private in ["\"d\"", "\"k\"", "oct"] {
        assert!(!published.contains(private), "{published}");
    }
    let verifier = Jwks::parse(published.as_bytes()).unwrap().verifier();
    for key in [ed, ec] {
        assert_eq!(verifier.verify(&set(key).issue(&claims()).unwrap(), NOW), Ok(claims()));
    }
    let by_secret = KeySet::new(secret, []).issue(&claims()).unwrap();
    assert_eq!(verifier.verify(&by_secret, NOW), Err(TokenError::Unsupported));
}

#[test]
fn a_key_signs_from_its_time_on_and_verifies_until_its_end() {
    let claims_at = |iat| Claims { iat, exp: iat + 1000, ..claims() };
    let old = SigningKey::from(Secret::new(&[1; 32]).unwrap()).verifying_until(NOW + 500);
    let new = key(Algorithm::EdDsa).signing_from(NOW + 100);
    let keys = KeySet::of([new, old], []);
    let issued = |iat| keys.issue(&claims_at(iat)).unwrap();
    assert!(header(&issued(NOW + 99)).contains("HS256"));
    assert!(header(&issued(NOW + 100)).contains("EdDSA"));
    // Published before it signs.
    assert_eq!(keys.jwks(NOW).keys().len(), 1);
    assert!(keys.verify(&issued(NOW + 99), NOW + 499).is_ok());
    assert_eq!(keys.verify(&issued(NOW + 99), NOW + 500), Err(TokenError::BadSignature));
    assert!(keys.verify(&issued(NOW + 100), NOW + 500).is_ok());
    // When none's time has come, the last signs: there is always one.
    let waiting = set(key(Algorithm::Es256).signing_from(u64::MAX));
    assert!(waiting.issue(&claims()).is_ok());
}

#[test]
fn debug_shows_no_private_key() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        let shown = format!("{:?} {:?}", key, set(key.clone()));
        let bytes = format!("{:?}", key.private_bytes());
        assert!(!shown.contains(&bytes) && !shown.contains(&bytes[1..bytes.len() - 1]), "{shown}");
    }
}

#[test]
fn bytes_that_are_no_key_are_refused() {
    for algorithm in Algorithm::ALL {
        for bytes in [&[][..], &[0; 31], &[0x30; 20]] {
            assert!(SigningKey::from_bytes(algorithm, bytes).is_err());
        }
    }
    let ed = key(Algorithm::EdDsa);
    assert!(SigningKey::from_bytes(Algorithm::Es256, ed.private_bytes()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_issued_is_verified_as_it_was_and_not_with_a_byte_changed(
        which in 0..3usize, id in "\\PC{0,30}", scope in proptest::collection::vec("\\PC{0,20}", 0..5),
        iat in 0..=NOW, life in 1..u64::from(u32::MAX), generation: Option<u32>,
        at: prop::sample::Index, to in "[A-Za-z0-9_.-]",
    ) {
        let key = key(Algorithm::ALL[which]);
        let restored = SigningKey::from_bytes(key.algorithm(), key.private_bytes()).unwrap();
        let claims = Claims { id, scope, iat, exp: NOW + life, generation };
        let token = set(key).issue(&claims).unwrap();
        prop_assert_eq!(set(restored.clone()).verify(&token, NOW), Ok(claims));
        let at = at.index(token.len());
        prop_assume!(token[at..=at] != to);
        let mut changed = token;
        changed.replace_range(at..=at, &to);
        prop_assert!(set(restored).verify(&changed, NOW).is_err());
    }
}
