//! Tokens: what verifies is what was issued, and nothing else is believed.

#![no_main]

use std::sync::LazyLock;

use appmixer_token::{KeySet, Secret, inspect};
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_800_000_000;

static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let secret = |text: &str| Secret::new(text.as_bytes()).expect("it is long enough");
    KeySet::new(
        secret("the secret of the fuzzer, which is long"),
        [secret("the one before it, which is long too")],
    )
});

fuzz_target!(|text: &str| {
    let _ = inspect(text);
    if let Ok(claims) = KEYS.verify(text, NOW) {
        // The fuzzer cannot sign: it has been given this one. What verifies can be issued again.
        let again = KEYS.issue(&claims).expect("claims that were read can be written");
        assert_eq!(KEYS.verify(&again, NOW).as_ref(), Ok(&claims));
        assert!(inspect(text).is_ok());
    }
});
