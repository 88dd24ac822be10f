//! What the pool promises.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::num::NonZeroUsize;
use std::time::Duration;

use appmixer_core::{HashError, Password, PasswordHash, PasswordHasher, Verdict};
use appmixer_password::{Argon2Pool, Params, PoolOptions};
use proptest::prelude::*;

fn pool(memory_kib: u32, threads: usize, queue: usize) -> Argon2Pool {
    Argon2Pool::new(PoolOptions {
        params: Params::new(memory_kib, 1, 1).unwrap(),
        threads: NonZeroUsize::new(threads).unwrap(),
        queue,
        idle: Duration::from_millis(1),
    })
    .unwrap()
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

fn phc(text: &str) -> PasswordHash {
    PasswordHash::from_phc(text.to_owned())
}

const GOOD: Verdict = Verdict { matches: true, outdated: false };

#[tokio::test]
async fn the_right_password_matches_and_no_other() {
    let pool = pool(64, 2, 10);
    let hash = pool.hash(password("abc321")).await.unwrap();
    assert_eq!(pool.verify(password("abc321"), hash.clone()).await, Ok(GOOD));
    for wrong in ["abc322", "ABC321", "abc321 ", "a"] {
        assert!(!pool.verify(password(wrong), hash.clone()).await.unwrap().matches, "{wrong}");
    }
    let again = pool.hash(password("abc321")).await.unwrap();
    assert_ne!(hash.as_phc(), again.as_phc(), "the salt is new each time");
}

/// From the reference implementation's test.c.
#[tokio::test]
async fn hashes_of_the_reference_implementation_are_verified() {
    let pool = pool(64, 1, 10);
    for hash in [
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
    ] {
        let verdict = pool.verify(password("password"), phc(hash)).await.unwrap();
        assert_eq!(verdict, Verdict { matches: true, outdated: true }, "{hash}");
        assert!(!pool.verify(password("passwore"), phc(hash)).await.unwrap().matches, "{hash}");
    }
}

#[tokio::test]
async fn a_hash_of_another_cost_still_matches_and_is_outdated() {
    let (cheap, dear) = (pool(64, 1, 10), pool(128, 1, 10));
    let hash = cheap.hash(password("abc321")).await.unwrap();
    let verdict = dear.verify(password("abc321"), hash.clone()).await.unwrap();
    assert_eq!(verdict, Verdict { matches: true, outdated: true });
    // The larger memory that is now at hand changes nothing for a smaller hash.
    assert_eq!(cheap.verify(password("abc321"), hash).await, Ok(GOOD));
}

#[tokio::test]
async fn nothing_matches_the_decoy_and_it_costs_what_a_real_hash_costs() {
    let pool = pool(64, 1, 10);
    let decoy = pool.decoy();
    assert_eq!(
        pool.verify(password("abc321"), decoy.clone()).await,
        Ok(Verdict { matches: false, outdated: false })
    );
    let real = pool.hash(password("abc321")).await.unwrap();
    let cost = |hash: &PasswordHash| hash.as_phc().rsplitn(3, '$').last().unwrap().to_owned();
    assert_eq!(cost(&decoy), cost(&real));
    assert_eq!(decoy.as_phc().len(), real.as_phc().len());
}

#[tokio::test]
async fn what_is_no_argon2_hash_is_unreadable_and_so_is_an_absurd_cost() {
    let pool = pool(64, 1, 10);
    for text in [
        "",
        "$",
        "abc321",
        "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=4294967295,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=18$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ] {
        assert_eq!(pool.verify(password("x"), phc(text)).await, Err(HashError::Unreadable), "{text}");
    }
}

/// A hash that takes long enough for everything else to happen meanwhile.
fn slow() -> PasswordHash {
    phc("$argon2id$v=19$m=65536,t=8,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
}

#[tokio::test]
async fn a_full_queue_answers_busy_at_once_and_who_has_gone_makes_room() {
    let pool = pool(64, 1, 1);
    let mut running = Box::pin(pool.verify(password("x"), slow()));
    assert!(poll_once(&mut running).is_none());
    // The one thread takes the first job; then one may wait.
    while pool.stats().waiting > 0 {
        tokio::task::yield_now().await;
    }
    let mut waiting = Box::pin(pool.hash(password("x")));
    assert!(poll_once(&mut waiting).is_none());
    assert_eq!(pool.hash(password("x")).await, Err(HashError::Busy));
    assert_eq!(pool.stats().refused, 1);

    drop(waiting);
    assert!(pool.hash(password("x")).await.is_ok());
    assert!(running.await.is_ok());
}

#[tokio::test]
async fn a_job_that_nobody_waits_for_is_not_done() {
    let pool = pool(64, 1, 10);
    let mut running = Box::pin(pool.verify(password("x"), slow()));
    assert!(poll_once(&mut running).is_none());
    while pool.stats().waiting > 0 {
        tokio::task::yield_now().await;
    }
    let mut abandoned = Box::pin(pool.hash(password("x")));
    assert!(poll_once(&mut abandoned).is_none());
    drop(abandoned);
    pool.hash(password("x")).await.unwrap();
    assert_eq!(pool.stats().abandoned, 1);
}

/// Polls a future once.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_stored_text_panics(text in "\\$?(argon2id?)?\\$?(v=19)?\\$?(m=[0-9]{0,3},t=[0-9],p=[0-9])?\\$?[a-zA-Z0-9+/$=]{0,60}") {
        let pool = pool(64, 1, 10);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _ = runtime.block_on(pool.verify(password("x"), phc(&text)));
        // The thread still works.
        prop_assert!(runtime.block_on(pool.hash(password("x"))).is_ok());
    }
}
