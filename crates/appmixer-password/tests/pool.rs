//! What the pool promises.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::num::NonZeroUsize;
use std::time::Duration;

use appmixer_core::{HashError, Password, PasswordHash, PasswordHasher, QueueKey, Verdict};
use appmixer_password::{Argon2Pool, Params, PoolOptions, can_verify, locked};
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

const KEY: QueueKey = QueueKey { network: 1, account: 1 };

const GOOD: Verdict = Verdict { matches: true, outdated: false };

#[tokio::test]
async fn the_right_password_matches_and_no_other() {
    let pool = pool(64, 2, 10);
    let hash = pool.hash(password("abc321"), KEY).await.unwrap();
    assert_eq!(pool.verify(password("abc321"), hash.clone(), KEY).await, Ok(GOOD));
    for wrong in ["abc322", "ABC321", "abc321 ", "a"] {
        assert!(!pool.verify(password(wrong), hash.clone(), KEY).await.unwrap().matches, "{wrong}");
    }
    let again = pool.hash(password("abc321"), KEY).await.unwrap();
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
        let verdict = pool.verify(password("password"), phc(hash), KEY).await.unwrap();
        assert_eq!(verdict, Verdict { matches: true, outdated: true }, "{hash}");
        assert!(!pool.verify(password("passwore"), phc(hash), KEY).await.unwrap().matches, "{hash}");
    }
}

/// bcrypt: `crypt_blowfish`'s wrapper.c. scrypt: RFC 7914 section 12. PBKDF2-SHA-256: RFC 6070's fifth input,
/// whose output is in common lists of vectors for SHA-256; SHA-512: the same input. All but bcrypt's were
/// computed again with OpenSSL.
#[tokio::test]
async fn hashes_of_other_kinds_are_verified_and_outdated() {
    let pool = pool(64, 1, 10);
    for (text, hash) in [
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        (
            "pleaseletmein",
            "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
        ),
        (
            "passwordPASSWORDpassword",
            "$pbkdf2-sha256$i=4096,l=40$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$NIyJ28vTKy8y2BS4EW6EzysXNH68GAAYHE4qH7jdU+HGNVGMfaxH6Q",
        ),
        (
            "passwordPASSWORDpassword",
            "$pbkdf2-sha512$i=4096$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$jAUR9Mbll8asYxXY8DYuIl88UBSVuiO4aMAFF03E7nERW1n55gzZUy+jPg91rv4wIlxYOhhs2CvU2uqXJKPTuA",
        ),
    ] {
        assert!(can_verify(&phc(hash)), "{hash}");
        let verdict = pool.verify(password(text), phc(hash), KEY).await.unwrap();
        assert_eq!(verdict, Verdict { matches: true, outdated: true }, "{hash}");
        assert!(!pool.verify(password("passwore"), phc(hash), KEY).await.unwrap().matches, "{hash}");
    }
}

#[tokio::test]
async fn a_bcrypt_hash_that_saw_only_part_of_a_password_is_not_replaced() {
    let pool = pool(64, 1, 10);
    let hash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let verdict = pool.verify(password("U*U\0and more"), phc(hash), KEY).await;
    assert_eq!(verdict, Ok(Verdict { matches: true, outdated: false }));
    // 72 bytes count: made with another implementation, from that many.
    let hash = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i";
    for (length, matches, outdated) in [(71, false, true), (72, true, true), (73, true, false)] {
        let verdict = pool.verify(password(&"x".repeat(length)), phc(hash), KEY).await;
        assert_eq!(verdict, Ok(Verdict { matches, outdated }), "{length}");
    }
}

#[tokio::test]
async fn a_hash_of_another_cost_still_matches_and_is_outdated() {
    let (cheap, dear) = (pool(64, 1, 10), pool(128, 1, 10));
    let hash = cheap.hash(password("abc321"), KEY).await.unwrap();
    let verdict = dear.verify(password("abc321"), hash.clone(), KEY).await.unwrap();
    assert_eq!(verdict, Verdict { matches: true, outdated: true });
    // The larger memory that is now at hand changes nothing for a smaller hash.
    assert_eq!(cheap.verify(password("abc321"), hash, KEY).await, Ok(GOOD));
}

#[tokio::test]
async fn nothing_matches_the_decoy_and_it_costs_what_a_real_hash_costs() {
    let pool = pool(64, 1, 10);
    let decoy = pool.decoy();
    assert_eq!(
        pool.verify(password("abc321"), decoy.clone(), KEY).await,
        Ok(Verdict { matches: false, outdated: false })
    );
    let real = pool.hash(password("abc321"), KEY).await.unwrap();
    let cost = |hash: &PasswordHash| hash.as_phc().rsplitn(3, '$').last().unwrap().to_owned();
    assert_eq!(cost(&decoy), cost(&real));
    assert_eq!(decoy.as_phc().len(), real.as_phc().len());
}

#[tokio::test]
async fn what_is_no_known_hash_is_unreadable_and_so_is_an_absurd_cost() {
    let pool = pool(64, 1, 10);
    for text in [
        "",
        "$",
        "abc321",
        "$2b$17$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$05$",
        "$scrypt$ln=63,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
        "$scrypt$ln=21,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
        "$pbkdf2-sha256$i=0$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
        "$pbkdf2-sha256$i=10000001$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=4294967295,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=18$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ] {
        assert_eq!(pool.verify(password("x"), phc(text), KEY).await, Err(HashError::Unreadable), "{text}");
        assert!(!can_verify(&phc(text)), "{text}");
    }
}

#[tokio::test]
async fn a_locked_hash_is_an_ordinary_one_that_does_not_match() {
    let pool = pool(64, 1, 10);
    let hash = locked(Params::new(64, 1, 1).unwrap()).unwrap();
    assert!(can_verify(&hash));
    assert_eq!(
        pool.verify(password("abc321"), hash.clone(), KEY).await,
        Ok(Verdict { matches: false, outdated: false })
    );
    assert_eq!(hash, locked(Params::new(64, 1, 1).unwrap()).unwrap());
}

/// A hash that takes long enough for everything else to happen meanwhile.
fn slow() -> PasswordHash {
    phc("$argon2id$v=19$m=65536,t=8,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
}

#[tokio::test]
async fn a_full_queue_answers_busy_at_once_and_who_has_gone_makes_room() {
    let pool = pool(64, 1, 1);
    let mut running = Box::pin(pool.verify(password("x"), slow(), KEY));
    assert!(poll_once(&mut running).is_none());
    // The one thread takes the first job; then one may wait.
    while pool.stats().waiting > 0 {
        tokio::task::yield_now().await;
    }
    let mut waiting = Box::pin(pool.hash(password("x"), KEY));
    assert!(poll_once(&mut waiting).is_none());
    assert_eq!(pool.hash(password("x"), KEY).await, Err(HashError::Busy));
    assert_eq!(pool.stats().refused, 1);

    drop(waiting);
    assert!(pool.hash(password("x"), KEY).await.is_ok());
    assert!(running.await.is_ok());
}

#[tokio::test]
async fn a_full_queue_makes_room_for_a_network_with_few_jobs() {
    let pool = pool(64, 1, 3);
    let mut running = Box::pin(pool.verify(password("x"), slow(), KEY));
    assert!(poll_once(&mut running).is_none());
    while pool.stats().waiting > 0 {
        tokio::task::yield_now().await;
    }
    let mut flood: Vec<_> = (0..3).map(|_| Box::pin(pool.verify(password("x"), slow(), KEY))).collect();
    assert!(flood.iter_mut().all(|hash| poll_once(hash).is_none()));
    let other = QueueKey { network: 2, account: 1 };
    let mut newcomer = Box::pin(pool.hash(password("x"), other));
    assert!(poll_once(&mut newcomer).is_none());
    assert_eq!(poll_once(&mut flood[2]), Some(Err(HashError::Busy)), "the newest has given its place");
    assert_eq!((pool.stats().waiting, pool.stats().refused), (3, 1));
    assert!(newcomer.await.is_ok());
    for hash in flood.drain(..2) {
        assert!(hash.await.is_ok());
    }
}

#[tokio::test]
async fn a_job_that_nobody_waits_for_is_not_done() {
    let pool = pool(64, 1, 10);
    let mut running = Box::pin(pool.verify(password("x"), slow(), KEY));
    assert!(poll_once(&mut running).is_none());
    while pool.stats().waiting > 0 {
        tokio::task::yield_now().await;
    }
    let mut abandoned = Box::pin(pool.hash(password("x"), KEY));
    assert!(poll_once(&mut abandoned).is_none());
    drop(abandoned);
    pool.hash(password("x"), KEY).await.unwrap();
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
    fn every_cost_that_is_allowed_is_written_as_it_is_read(memory in 0..2_000_000_u32, passes in 0..100_u32, lanes in 0..20_u32) {
        if let Ok(params) = Params::new(memory, passes, lanes) {
            let hash = locked(params).unwrap();
            prop_assert!(can_verify(&hash));
            let costs = format!("$m={memory},t={passes},p={lanes}$");
            prop_assert!(hash.as_phc().contains(&costs), "{}", hash.as_phc());
        }
    }

    #[test]
    fn no_stored_text_panics(text in "\\$?(argon2id?)?\\$?(v=19)?\\$?(m=[0-9]{0,3},t=[0-9],p=[0-9])?\\$?[a-zA-Z0-9+/$=]{0,60}") {
        let pool = pool(64, 1, 10);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let verified = runtime.block_on(pool.verify(password("x"), phc(&text), KEY));
        prop_assert_eq!(verified != Err(HashError::Unreadable), can_verify(&phc(&text)));
        // The thread still works.
        prop_assert!(runtime.block_on(pool.hash(password("x"), KEY)).is_ok());
    }

    #[test]
    fn no_stored_text_of_another_kind_panics(
        kind in "2[abxy]|scrypt|pbkdf2-sha(256|512)",
        costs in "0?[0-9]|(ln=[0-9]|i=[0-9]{1,3}|r=[0-9]|p=[0-9]|l=[0-9]{1,2}|,){0,5}",
        rest in "[a-zA-Z0-9+/.=$]{0,80}",
    ) {
        let pool = pool(64, 1, 10);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let hash = phc(&format!("${kind}${costs}${rest}"));
        let verified = runtime.block_on(pool.verify(password("x"), hash.clone(), KEY));
        prop_assert_eq!(verified != Err(HashError::Unreadable), can_verify(&hash));
        prop_assert!(runtime.block_on(pool.hash(password("x"), KEY)).is_ok());
    }
}
