//! The attacks of RFC 8725 (JSON Web Token best current practices), each turned away.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use appmixer_token::{Claims, KeySet, MAX_TOKEN_BYTES, Secret, TokenError};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use ring::hmac;

const SECRET: &[u8] = b"the secret of the tests, which is long enough";
const NOW: u64 = 1_552_500_000;
const GOOD_HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const GOOD_PAYLOAD: &str =
    r#"{"id":"5c88c7cc04a917256c726c3d","scope":["user"],"iat":1552492609,"exp":1555084609}"#;

fn keys() -> KeySet {
    KeySet::new(Secret::new(SECRET).unwrap(), [])
}

fn claims() -> Claims {
    Claims {
        id: "5c88c7cc04a917256c726c3d".into(),
        scope: vec!["user".into()],
        iat: 1_552_492_609,
        exp: 1_555_084_609,
        generation: None,
    }
}

/// A token made by hand, independent of the crate: ring's HMAC over the parts.
fn forge(header: &str, payload: &str, algorithm: hmac::Algorithm, secret: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn well_signed(header: &str, payload: &str) -> String {
    forge(header, payload, hmac::HMAC_SHA256, SECRET)
}

fn refusal(token: &str) -> TokenError {
    keys().verify(token, NOW).unwrap_err()
}

#[test]
fn header_payload_and_signature_are_byte_for_byte_those_of_the_contract() {
    assert_eq!(keys().issue(&claims()).unwrap(), well_signed(GOOD_HEADER, GOOD_PAYLOAD));
    // The documentation's example has the same header.
    assert!(keys().issue(&claims()).unwrap().starts_with("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6"));
}

#[test]
fn a_revoked_users_next_token_has_its_generation_as_fifth_claim() {
    let token = keys().issue(&Claims { generation: Some(2), ..claims() }).unwrap();
    let payload = GOOD_PAYLOAD.replace('}', r#","gen":2}"#);
    assert_eq!(token, well_signed(GOOD_HEADER, &payload));
    assert_eq!(keys().verify(&token, NOW).unwrap().generation, Some(2));
}

#[test]
fn a_token_of_a_previous_secret_is_good_and_new_ones_use_the_current() {
    let old = keys().issue(&claims()).unwrap();
    let current = || Secret::new(&[9; 32]).unwrap();
    let rotated = KeySet::new(current(), [Secret::new(&[8; 32]).unwrap(), Secret::new(SECRET).unwrap()]);
    assert_eq!(rotated.verify(&old, NOW), Ok(claims()));
    let new = rotated.issue(&claims()).unwrap();
    assert_eq!(KeySet::new(current(), []).verify(&new, NOW), Ok(claims()));
    assert_eq!(refusal(&new), TokenError::BadSignature);
}

#[test]
fn claims_that_we_do_not_know_are_ignored() {
    let payload = GOOD_PAYLOAD.replace('}', r#","originalUserId":"x","sub":null}"#);
    assert_eq!(keys().verify(&well_signed(GOOD_HEADER, &payload), NOW), Ok(claims()));
}

#[test]
fn none_is_no_algorithm() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#);
        let signed = well_signed(&header, GOOD_PAYLOAD);
        assert_eq!(refusal(&signed), TokenError::Unsupported, "{alg}");
        let unsigned = format!("{}.", signed.rsplit_once('.').unwrap().0);
        assert_eq!(refusal(&unsigned), TokenError::Unsupported, "{alg}");
    }
    let stripped = format!("{}.", well_signed(GOOD_HEADER, GOOD_PAYLOAD).rsplit_once('.').unwrap().0);
    assert_eq!(refusal(&stripped), TokenError::BadSignature);
}

#[test]
fn the_header_does_not_choose_the_algorithm() {
    for (alg, hash) in [
        ("RS256", hmac::HMAC_SHA256),
        ("ES256", hmac::HMAC_SHA256),
        ("EdDSA", hmac::HMAC_SHA256),
        ("PS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
        ("hs256", hmac::HMAC_SHA256),
    ] {
        let header = format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#);
        assert_eq!(refusal(&forge(&header, GOOD_PAYLOAD, hash, SECRET)), TokenError::Unsupported, "{alg}");
    }
    // The right name over another hash.
    let token = forge(GOOD_HEADER, GOOD_PAYLOAD, hmac::HMAC_SHA512, SECRET);
    assert_eq!(refusal(&token), TokenError::BadSignature);
}

#[test]
fn a_tampered_payload_and_another_secret_have_the_clis_message() {
    let good = well_signed(GOOD_HEADER, GOOD_PAYLOAD);
    let signature = good.rsplit_once('.').unwrap().1;
    let admin = well_signed(GOOD_HEADER, &GOOD_PAYLOAD.replace("user", "admin"));
    let tampered = format!("{}.{signature}", admin.rsplit_once('.').unwrap().0);
    let other = forge(GOOD_HEADER, GOOD_PAYLOAD, hmac::HMAC_SHA256, &[7; 32]);
    for token in [tampered, other] {
        assert_eq!(refusal(&token).to_string(), "Invalid JWT: key or signature is invalid");
    }
}

#[test]
fn a_token_is_good_until_the_second_before_it_expires() {
    let token = keys().issue(&claims()).unwrap();
    assert!(keys().verify(&token, claims().exp - 1).is_ok());
    assert_eq!(keys().verify(&token, claims().exp), Err(TokenError::Expired));
    assert_eq!(keys().verify(&token, u64::MAX), Err(TokenError::Expired));
}

#[test]
fn a_token_from_the_future_is_refused_beyond_the_clocks_skew() {
    let token = keys().issue(&claims()).unwrap();
    assert!(keys().verify(&token, claims().iat - 60).is_ok());
    assert_eq!(keys().verify(&token, claims().iat - 61), Err(TokenError::IssuedInTheFuture));
    assert_eq!(keys().verify(&token, 0), Err(TokenError::IssuedInTheFuture));
}

#[test]
fn every_claim_must_be_there_once_and_of_its_type() {
    for (from, to) in [
        (r#""id":"5c88c7cc04a917256c726c3d","#, ""),
        (r#""scope":["user"],"#, ""),
        (r#""iat":1552492609,"#, ""),
        (r#","exp":1555084609"#, ""),
        (r#""id":"5c88c7cc04a917256c726c3d""#, r#""id":7"#),
        (r#"["user"]"#, r#""user""#),
        (r#"["user"]"#, "[1]"),
        (r#""iat":1552492609"#, r#""iat":"1552492609""#),
        (r#""exp":1555084609"#, r#""exp":1555084609.5"#),
        (r#""exp":1555084609"#, r#""exp":-1"#),
        (r#""exp":1555084609"#, r#""exp":1555084609,"exp":9999999999"#),
        (r#""scope":["user"]"#, r#""scope":["user"],"scope":["admin"]"#),
        (r#""id""#, r#""id":"000000000000000000000000","\u0069d""#),
        (r#""exp":1555084609"#, r#""exp":1555084609,"gen":-1"#),
    ] {
        let payload = GOOD_PAYLOAD.replace(from, to);
        assert_ne!(payload, GOOD_PAYLOAD);
        assert_eq!(refusal(&well_signed(GOOD_HEADER, &payload)), TokenError::InvalidClaims, "{payload}");
    }
    for payload in ["", "null", "[]", "{}", "{} {}", "\u{feff}{}"] {
        assert_eq!(refusal(&well_signed(GOOD_HEADER, payload)), TokenError::InvalidClaims, "{payload}");
    }
}

#[test]
fn a_header_with_repeats_extensions_or_another_type_is_refused() {
    for (header, error) in [
        (r#"{"alg":"none","alg":"HS256"}"#, TokenError::Malformed),
        (r#"{"typ":"JWT"}"#, TokenError::Malformed),
        (r#"{"alg":"HS256","crit":["exp"]}"#, TokenError::Unsupported),
        (r#"{"alg":"HS256","typ":"at+jwt"}"#, TokenError::Unsupported),
        ("junk", TokenError::Malformed),
    ] {
        assert_eq!(refusal(&well_signed(header, GOOD_PAYLOAD)), error, "{header}");
    }
    let untyped = well_signed(r#"{"alg":"HS256"}"#, GOOD_PAYLOAD);
    assert!(keys().verify(&untyped, NOW).is_ok());
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let jwk = URL_SAFE_NO_PAD.encode([7; 32]);
    let header =
        format!(r#"{{"alg":"HS256","typ":"JWT","jwk":{{"kty":"oct","k":"{jwk}"}},"kid":"../../dev/null"}}"#);
    let token = forge(&header, GOOD_PAYLOAD, hmac::HMAC_SHA256, &[7; 32]);
    assert_eq!(refusal(&token), TokenError::Unsupported);
    // Not even beside a good signature.
    for brought in [r#""jku":"https://x/""#, r#""x5u":"https://x/""#, r#""x5c":[]"#, r#""jwk":{}"#] {
        let header = format!(r#"{{"alg":"HS256","typ":"JWT",{brought}}}"#);
        assert_eq!(refusal(&well_signed(&header, GOOD_PAYLOAD)), TokenError::Unsupported, "{brought}");
    }
    // A name finds nothing among secrets, and so does no harm.
    let named = well_signed(r#"{"alg":"HS256","typ":"JWT","kid":"../../dev/null"}"#, GOOD_PAYLOAD);
    assert!(keys().verify(&named, NOW).is_ok());
}

#[test]
fn an_oversize_token_is_not_even_looked_at() {
    let payload = GOOD_PAYLOAD.replace('}', &format!(r#","x":"{}"}}"#, "x".repeat(MAX_TOKEN_BYTES)));
    assert_eq!(refusal(&well_signed(GOOD_HEADER, &payload)), TokenError::TooLong);
    assert_eq!(refusal(&".".repeat(10 << 20)), TokenError::TooLong);
}

#[test]
fn the_largest_token_that_is_issued_can_be_verified() {
    let scope = (0..32).map(|i| format!("{i:064}")).collect();
    let largest = Claims { scope, generation: Some(u32::MAX), ..claims() };
    assert_eq!(keys().verify(&keys().issue(&largest).unwrap(), NOW), Ok(largest));
}

#[test]
fn junk_base64_padding_and_wrong_numbers_of_parts_are_malformed() {
    let good = well_signed(GOOD_HEADER, GOOD_PAYLOAD);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let padded = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap());
    for token in [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b".into(),
        format!("{good}.a.b"),
        format!("{good}."),
        format!("!{good}"),
    ] {
        assert_eq!(refusal(&token), TokenError::Malformed, "{token}");
    }
    // What is no base64url as a signature is one that does not verify, and clients know that by its message.
    for signature in [padded, format!("{signature}="), "!!".into(), "é".into(), String::new()] {
        assert_eq!(refusal(&format!("{message}.{signature}")), TokenError::BadSignature, "{signature}");
    }
    // Whitespace is no base64 either.
    assert!(keys().verify(&format!(" {good}"), NOW).is_err());
    assert!(keys().verify(&format!("{good}\n"), NOW).is_err());
}

proptest! {
    #[test]
    fn what_is_issued_is_verified_as_it_was(
        id in "\\PC{0,30}", scope in proptest::collection::vec("\\PC{0,20}", 0..5),
        iat in 0..=NOW, life in 1..u64::from(u32::MAX), generation: Option<u32>,
    ) {
        let claims = Claims { id, scope, iat, exp: NOW + life, generation };
        prop_assert_eq!(keys().verify(&keys().issue(&claims).unwrap(), NOW), Ok(claims));
    }

    #[test]
    fn no_text_panics_or_verifies(text: String) {
        prop_assert!(keys().verify(&text, NOW).is_err());
        let _ = appmixer_token::inspect(&text);
    }

    #[test]
    fn a_changed_byte_never_verifies(at: prop::sample::Index, to in "[A-Za-z0-9_.-]") {
        let good = keys().issue(&claims()).unwrap();
        let at = at.index(good.len());
        prop_assume!(good[at..=at] != to);
        let mut bad = good;
        bad.replace_range(at..=at, &to);
        prop_assert!(keys().verify(&bad, NOW).is_err());
    }
}
