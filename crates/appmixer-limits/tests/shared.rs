//! What processes that count together know of each other's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::net::Ipv4Addr;
use std::time::Duration;

use appmixer_limits::{Barrier, Limit, Limited, Limiter, Network, Options};

const JOE: &str = "joe@acme";
const NOW: Duration = Duration::from_hours(2);

fn limiter() -> Limiter {
    Limiter::new(Options::default(), b"16 random bytes!").shared()
}

fn network(number: u32) -> Network {
    Network::of(Some(Ipv4Addr::from(number).into()))
}

/// Whether a password may be tried; none is.
fn check(limiter: &Limiter, account: &str, from: Network, now: Duration) -> Result<(), Limited> {
    limiter.begin(Limit::SignIn, account, from, now).map(drop)
}

/// Each tells the other what it has seen.
fn exchange(one: &Limiter, other: &Limiter) {
    let messages = (one.take_untold(), other.take_untold());
    other.hear(&messages.0.unwrap_or_default(), NOW);
    one.hear(&messages.1.unwrap_or_default(), NOW);
}

#[test]
fn guesses_at_one_cost_a_delay_at_each() {
    let (one, other) = (limiter(), limiter());
    for turn in 0..6 {
        let at = if turn % 2 == 0 { &one } else { &other };
        at.begin(Limit::SignIn, JOE, network(1), NOW).unwrap().fail(NOW);
        exchange(&one, &other);
    }
    for limiter in [&one, &other] {
        let limited = check(limiter, JOE, network(1), NOW).unwrap_err();
        assert_eq!((limited.barrier, limited.wait), (Barrier::Delay, Duration::from_secs(1)));
    }
}

#[test]
fn quotas_add_up_also_of_what_happened_at_the_same_time() {
    let (one, other) = (limiter(), limiter());
    let quota = Options::default().sign_up.count();
    for number in 0..quota {
        let at = if number % 3 == 0 { &one } else { &other };
        at.charge(Limit::SignUp, network(1), NOW);
    }
    assert_eq!(one.check(Limit::SignUp, network(1), NOW), Ok(()));
    exchange(&one, &other);
    for limiter in [&one, &other] {
        let standing = limiter.standing(Limit::SignUp, network(1), NOW);
        assert_eq!(standing.remaining, 0);
        limiter.check(Limit::SignUp, network(1), NOW).unwrap_err();
        limiter.check(Limit::SignUp, network(2), NOW).unwrap();
    }
}

#[test]
fn who_is_known_to_one_keeps_a_way_in_at_each() {
    let (one, other) = (limiter(), limiter());
    one.right_password(JOE, network(1), NOW);
    for stranger in 0..40 {
        // From the 21st on they are refused.
        let _ =
            other.begin(Limit::SignIn, JOE, network(100 + stranger), NOW).map(|attempt| attempt.fail(NOW));
    }
    exchange(&one, &other);
    for limiter in [&one, &other] {
        let refused = check(limiter, JOE, network(99), NOW).unwrap_err();
        assert_eq!(refused.barrier, Barrier::Account);
        check(limiter, JOE, network(1), NOW).unwrap();
    }
}

#[test]
fn whoever_signs_in_often_is_told_of_once() {
    let one = limiter();
    one.right_password(JOE, network(1), NOW);
    assert!(one.take_untold().is_some());
    one.right_password(JOE, network(1), NOW + Duration::from_mins(5));
    assert_eq!(one.take_untold(), None);
}

#[test]
fn an_accounts_codes_and_forgiveness_are_shared() {
    let (one, other) = (limiter(), limiter());
    for number in 0..Options::default().account_codes.count() {
        one.ask_for_code(JOE, network(number), NOW).unwrap();
    }
    for _ in 0..6 {
        one.begin(Limit::SignIn, JOE, network(1), NOW).unwrap().fail(NOW);
    }
    exchange(&one, &other);
    other.ask_for_code(JOE, network(50), NOW).unwrap_err();
    check(&other, JOE, network(1), NOW).unwrap_err();
    other.right_password(JOE, network(1), NOW);
    exchange(&one, &other);
    check(&one, JOE, network(1), NOW).unwrap();
}

#[test]
fn who_was_not_there_counts_what_was_as_of_when_it_was() {
    let (one, late) = (limiter(), limiter());
    let seen = NOW.checked_sub(Duration::from_mins(30)).unwrap();
    for _ in 0..80 {
        one.charge(Limit::SignIn, network(1), seen);
    }
    late.hear(&one.take_untold().unwrap(), seen);
    let standing = |limiter: &Limiter| limiter.standing(Limit::SignIn, network(1), NOW);
    assert_eq!(standing(&late), standing(&one));
    assert_eq!(standing(&late).remaining, 70);
}

#[test]
fn a_limiter_that_counts_alone_keeps_nothing_for_others() {
    let alone = Limiter::new(Options::default(), b"16 random bytes!");
    alone.begin(Limit::SignIn, JOE, network(1), NOW).unwrap().fail(NOW);
    assert_eq!(alone.take_untold(), None);
}
