//! Stored hashes of every kind: read, and verified where that costs next to nothing.

#![no_main]

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use appmixer_core::{HashError, Password, PasswordHash, PasswordHasher as _, QueueKey};
use appmixer_password::{Argon2Pool, Params, PoolOptions, can_verify};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

static POOL: LazyLock<(Argon2Pool, Runtime)> = LazyLock::new(|| {
    let params = Params::new(8, 1, 1).expect("the least there is");
    let options = PoolOptions { params, threads: NonZeroUsize::MIN, ..PoolOptions::default() };
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    (Argon2Pool::new(options).expect("a pool"), runtime)
});

/// Whether it takes less than a millisecond or so: all of its numbers are small.
fn is_cheap(text: &str) -> bool {
    let most = match text {
        _ if text.starts_with("$argon2") => 64,
        _ if text.starts_with("$pbkdf2") => 500,
        // ln, r and p.
        _ if text.starts_with("$scrypt") => 4,
        _ if text.starts_with("$2") => return text.get(3..7).is_some_and(|cost| cost == "$04$"),
        _ => 0,
    };
    let numbers = text.split(['$', ',']).filter_map(|part| part.split_once('=').map(|(_, number)| number));
    numbers
        .filter_map(|number| number.parse::<u64>().ok())
        .all(|number| number <= most || number == 16 || number == 19)
}

fuzz_target!(|text: &str| {
    let hash = PasswordHash::from_phc(text.to_owned());
    let known = can_verify(&hash);
    if !is_cheap(text) {
        return;
    }
    let (pool, runtime) = &*POOL;
    let password = Password::new("abc321".to_owned()).expect("it is short");
    match runtime.block_on(pool.verify(password, hash, QueueKey::COMMAND)) {
        Ok(_) => assert!(known, "what can be verified is taken at an import"),
        Err(HashError::Unreadable) => assert!(!known, "what is taken at an import can be verified"),
        Err(error) => panic!("{error}"),
    }
});
