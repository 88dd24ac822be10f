//! Attempts at the same time: what they count for while their outcome is not known.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use appmixer_limits::{Barrier, Limit, Limited, Limiter, Network, Options, Pending};
use proptest::prelude::*;

const JOE: &str = "joe@acme";
const START: Duration = Duration::ZERO;

fn limiter() -> Limiter {
    Limiter::new(Options::default(), b"16 random bytes!")
}

fn network(number: u32) -> Network {
    Network::of(Some(Ipv4Addr::from(number).into()))
}

fn begin<'a>(limiter: &'a Limiter, account: &str, from: Network) -> Result<Pending<'a>, Limited> {
    limiter.begin(Limit::SignIn, account, from, START)
}

#[test]
fn guesses_at_once_from_one_network_are_no_more_than_one_after_the_other() {
    let limiter = limiter();
    let pending: Vec<_> = (0..100).filter_map(|_| begin(&limiter, JOE, network(1)).ok()).collect();
    assert_eq!(pending.len(), 6);
    let refused = begin(&limiter, JOE, network(1)).map(drop).unwrap_err();
    assert_eq!((refused.barrier, refused.wait), (Barrier::Delay, Duration::from_secs(1)));
    for attempt in pending {
        attempt.fail(START);
    }
    assert!(begin(&limiter, JOE, network(1)).is_err());
    // After the delay there is one at a time.
    let later = START + Duration::from_secs(1);
    let attempt = limiter.begin(Limit::SignIn, JOE, network(1), later).unwrap();
    assert!(limiter.begin(Limit::SignIn, JOE, network(1), later).is_err());
    drop(attempt);
    assert!(limiter.begin(Limit::SignIn, JOE, network(1), later).is_ok());
}

#[test]
fn guesses_at_once_from_many_networks_are_no_more_than_the_accounts_quota() {
    let limiter = limiter();
    let pending: Vec<_> = (0..100).filter_map(|number| begin(&limiter, JOE, network(number)).ok()).collect();
    assert_eq!(pending.len(), 20);
    assert_eq!(begin(&limiter, JOE, network(999)).map(drop).unwrap_err().barrier, Barrier::Account);
    // Nobody else is concerned, and an attempt that was none makes room.
    assert!(begin(&limiter, "ann@acme", network(999)).is_ok());
    drop(pending);
    assert!(begin(&limiter, JOE, network(999)).is_ok());
}

#[test]
fn a_backend_signs_in_any_number_of_its_users_at_once() {
    let limiter = limiter();
    let pending: Vec<_> =
        (0..10_000).map(|number| begin(&limiter, &format!("{number}@acme"), network(1)).unwrap()).collect();
    assert_eq!(limiter.standing(Limit::SignIn, network(1), START).remaining, 100);
    drop(pending);
    assert_eq!(limiter.standing(Limit::SignIn, network(1), START).remaining, 100);
}

#[test]
fn a_service_signs_in_with_one_account_on_many_connections() {
    let limiter = limiter();
    limiter.right_password(JOE, network(1), START);
    let pending: Vec<_> = (0..200).filter_map(|_| begin(&limiter, JOE, network(1)).ok()).collect();
    assert_eq!(pending.len(), 64);
    // From where nobody has signed in, strangers have their own quota meanwhile.
    assert!(begin(&limiter, JOE, network(2)).is_ok());
    for attempt in pending {
        attempt.fail(START);
    }
    let later = START + Duration::from_mins(1);
    let attempt = limiter.begin(Limit::SignIn, JOE, network(1), later).unwrap();
    assert!(limiter.begin(Limit::SignIn, JOE, network(1), later).is_err(), "one at a time");
    drop(attempt);
}

#[test]
fn failures_of_a_network_that_became_known_meanwhile_are_an_acquaintances() {
    let limiter = limiter();
    let pending: Vec<_> = (0..6).map(|_| begin(&limiter, JOE, network(1)).unwrap()).collect();
    limiter.right_password(JOE, network(1), START);
    for attempt in pending {
        attempt.fail(START);
    }
    // Ten mistakes are free where the owner is.
    assert!(begin(&limiter, JOE, network(1)).is_ok());
}

proptest! {
    /// Whatever is begun, failed and taken back in whatever order, within one moment there are no more failures than
    /// with one attempt after the other.
    #[test]
    fn no_order_of_attempts_gets_more_guesses(steps in prop::collection::vec((0..3_u8, 0..8_u32, 0..40_usize), 0..400)) {
        let limiter = limiter();
        let mut pending: Vec<(u32, Pending<'_>)> = Vec::new();
        let mut failed: HashMap<u32, u32> = HashMap::new();
        for (step, from, which) in steps {
            if step == 0 || pending.is_empty() {
                pending.extend(begin(&limiter, JOE, network(from)).ok().map(|attempt| (from, attempt)));
                continue;
            }
            let (from, attempt) = pending.swap_remove(which % pending.len());
            if step == 1 {
                attempt.fail(START);
                *failed.entry(from).or_default() += 1;
            }
        }
        for (from, attempt) in pending {
            attempt.fail(START);
            *failed.entry(from).or_default() += 1;
        }
        prop_assert!(failed.values().all(|failures| *failures <= 6), "{failed:?}");
        prop_assert!(failed.values().sum::<u32>() <= 20, "{failed:?}");
    }
}
