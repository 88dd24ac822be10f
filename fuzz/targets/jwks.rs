//! Sets of public keys, as other servers publish them: what was read is public, and reads back as it is written.

#![no_main]

use appmixer_token::{Jwks, MAX_JWKS_KEYS};
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_800_000_000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(set) = Jwks::parse(bytes) else { return };
    assert!(set.keys().len() <= MAX_JWKS_KEYS);
    let text = set.to_json();
    let again = Jwks::parse(text.as_bytes()).expect("what is published can be read");
    assert_eq!(again.keys().len(), set.keys().len(), "no key is lost");
    assert_eq!(again.to_json(), text);
    // Nobody has signed anything by keys that are made up, and some are no points of their curve.
    let token = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.e30.AAAA";
    assert!(set.verifier().verify(token, NOW).is_err());
});
