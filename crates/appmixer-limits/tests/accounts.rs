//! What guessers get against accounts, and what owners keep.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(
    clippy::similar_names,
    clippy::unchecked_time_subtraction,
    reason = "`limiter` and `limited`; times that are big enough"
)]

use std::net::Ipv4Addr;
use std::time::Duration;

use appmixer_limits::{Barrier, Limit, Limited, Limiter, Network, Options};

const JOE: &str = "joe@acme";
const START: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn limiter() -> Limiter {
    Limiter::new(Options::default(), b"16 random bytes!")
}

fn network(number: u32) -> Network {
    Network::of(Some(Ipv4Addr::from(number).into()))
}

fn guess(limiter: &Limiter, account: &str, from: Network, now: Duration) -> Result<(), Limited> {
    limiter.begin(Limit::SignIn, account, from, now)?.fail(now);
    Ok(())
}

/// Whether a password may be tried; none is.
fn check(limiter: &Limiter, account: &str, from: Network, now: Duration) -> Result<(), Limited> {
    limiter.begin(Limit::SignIn, account, from, now).map(drop)
}

/// How many guesses somebody with so many networks gets who never waits longer than needed.
fn guesses(limiter: &Limiter, account: &str, networks: u32, from: Duration, to: Duration) -> u32 {
    let mut done = 0;
    let mut next: std::collections::BTreeSet<_> = (0..networks).map(|number| (from, number)).collect();
    while let Some((now, number)) = next.pop_first().filter(|(now, _)| *now < to) {
        match guess(limiter, account, network(number), now) {
            Ok(()) => {
                done += 1;
                next.insert((now, number));
            }
            Err(limited) => {
                assert!(limited.wait > Duration::ZERO);
                next.insert((now + limited.wait, number));
            }
        }
    }
    done
}

#[test]
fn delays_grow_with_each_failure_and_what_retry_says_is_true() {
    let limiter = limiter();
    let mut now = START;
    let mut waits = Vec::new();
    while waits.len() < 15 {
        match guess(&limiter, JOE, network(1), now) {
            Ok(()) => {}
            Err(limited) => {
                assert_eq!(limited.barrier, Barrier::Delay);
                assert!(
                    guess(&limiter, JOE, network(1), now + limited.wait - Duration::from_micros(1)).is_err()
                );
                waits.push(limited.wait.as_secs());
                now += limited.wait;
            }
        }
    }
    // An hour forgives a failure: so within the hours one delay is there twice.
    assert_eq!(waits[..12], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]);
    assert!(waits[12..].iter().all(|wait| *wait >= 2048), "{waits:?}");
}

#[test]
fn six_mistakes_cost_nothing_and_are_forgotten_in_hours() {
    let limiter = limiter();
    assert_eq!(guesses(&limiter, JOE, 1, START, START + Duration::from_millis(1)), 6);
    assert_eq!(guesses(&limiter, JOE, 1, START + HOUR * 6, START + HOUR * 6 + Duration::from_millis(1)), 6);
    assert_eq!(guesses(&limiter, JOE, 1, DAY * 2, DAY * 2 + Duration::from_millis(1)), 6);
}

#[test]
fn the_right_password_ends_the_delays() {
    let limiter = limiter();
    guesses(&limiter, JOE, 1, START, START + SECOND * 5);
    assert!(guess(&limiter, JOE, network(0), START + SECOND * 5).is_err());
    limiter.right_password(JOE, network(0), START + SECOND * 60);
    assert!(guess(&limiter, JOE, network(0), START + SECOND * 60).is_ok());
}

#[test]
fn a_stranger_does_not_keep_the_owner_out() {
    let limiter = limiter();
    let (home, travelling) = (network(1_000_000), network(2_000_000));
    limiter.right_password(JOE, home, START);
    guesses(&limiter, JOE, 1, START, DAY);
    assert!(check(&limiter, JOE, home, DAY).is_ok());
    // One stranger alone does not use up the account's quota, so a new network works too.
    assert!(check(&limiter, JOE, travelling, DAY).is_ok());
}

#[test]
fn many_networks_share_the_accounts_quota_and_the_owner_keeps_the_way_in() {
    let limiter = limiter();
    let (home, travelling) = (network(1_000_000), network(2_000_000));
    limiter.right_password(JOE, home, START);
    // 20 at once and 20 an hour, whatever the number of networks.
    assert_eq!(guesses(&limiter, JOE, 100, START, DAY), 20 + 24 * 20 - 1);
    assert!(check(&limiter, JOE, home, DAY).is_ok());
    let limited = check(&limiter, JOE, travelling, DAY - SECOND).unwrap_err();
    assert_eq!(limited.barrier, Barrier::Account);
    // With a code from the mail it is known as well.
    limiter.right_password(JOE, travelling, DAY);
    assert!(check(&limiter, JOE, travelling, DAY).is_ok());
    // Nobody else's account has suffered.
    assert!(check(&limiter, "ann@acme", travelling, DAY).is_ok());
}

#[test]
fn a_known_network_has_a_way_in_even_beside_a_guesser() {
    let limiter = limiter();
    let office = network(0);
    limiter.right_password(JOE, office, START);
    // Somebody in the same office guesses at all accounts, and at this one.
    for number in 0..200 {
        let _ = guess(&limiter, &format!("{number}@acme"), office, START);
    }
    let limited = check(&limiter, "ann@acme", office, START).unwrap_err();
    assert_eq!(limited.barrier, Barrier::Network);
    guesses(&limiter, JOE, 1, START, START + HOUR);
    let wait = check(&limiter, JOE, office, START + HOUR).err().map(|limited| limited.wait);
    assert!(wait.is_none_or(|wait| wait <= SECOND * 60), "{wait:?}");
}

#[test]
fn a_backend_that_signs_everybody_in_is_not_limited() {
    let limiter = limiter();
    let backend = network(0);
    // What it does with a user of whom it does not know whether it has been made: it tries, and signs up.
    for number in 0..50_000 {
        let account = format!("{number}@acme");
        guess(&limiter, &account, backend, START).unwrap();
        limiter.signed_up(&account, backend, START);
        check(&limiter, &account, backend, START).unwrap();
        limiter.right_password(&account, backend, START);
    }
    assert_eq!(limiter.standing(Limit::SignIn, backend, START).remaining, 100);
}

#[test]
fn a_sign_up_forgives_no_guess_at_anybody_else() {
    let limiter = limiter();
    for number in 0..100 {
        guess(&limiter, &format!("{number}@acme"), network(0), START).unwrap();
        limiter.signed_up(&format!("{number}@mine"), network(0), START);
    }
    assert!(guess(&limiter, JOE, network(0), START).is_err());
}

#[test]
fn one_network_guesses_at_all_accounts_as_often_as_its_quota_says() {
    let limiter = limiter();
    let (mut now, mut done) = (START, 0);
    while now < DAY {
        match guess(&limiter, &format!("{done}@acme"), network(0), now) {
            Ok(()) => done += 1,
            Err(limited) => now += limited.wait,
        }
    }
    assert_eq!(done, 100 + 24 * 100 - 1);
}

#[test]
fn the_arithmetic_of_the_documentation_is_right() {
    // One account, guesses on the first day and on each further one.
    for (networks, first, further) in [(1, 41, 24), (100, 499, 480), (1000, 499, 480)] {
        let limiter = Limiter::new(Options { entries: 1 << 18, ..Options::default() }, b"16 random bytes!");
        let first_day = guesses(&limiter, JOE, networks, START, DAY);
        let second_day = guesses(&limiter, JOE, networks, DAY, DAY * 2);
        assert_eq!((first_day, second_day), (first, further), "{networks}");
    }
}

#[test]
fn no_flood_makes_a_counter_of_the_target_smaller() {
    let options = Options { entries: 1024, ..Options::default() };
    let limiter = Limiter::new(options, b"16 random bytes!");
    let mut now = START;
    while now < HOUR * 3 {
        if let Err(limited) = guess(&limiter, JOE, network(1), now) {
            now += limited.wait;
        }
    }
    assert_eq!(guesses(&limiter, JOE, 1000, now, now + SECOND), 20);
    let limited = check(&limiter, JOE, network(1), now + SECOND).unwrap_err();
    // A thousand times as many as there is room for: other accounts, other networks, and both.
    for number in 0..500_000 {
        let _ = guess(&limiter, &format!("{number}@acme"), network(number), now + SECOND);
    }
    assert_eq!(check(&limiter, JOE, network(1), now + SECOND), Err(limited));
    let stranger = check(&limiter, JOE, network(77), now + SECOND).unwrap_err();
    assert_eq!(stranger.barrier, Barrier::Account);
}

#[test]
fn new_sign_ins_do_not_drive_out_whoever_has_come_back_again_and_again() {
    let options = Options { entries: 512, ..Options::default() };
    let limiter = Limiter::new(options, b"16 random bytes!");
    let home = network(1_000_000);
    for day in 0..5 {
        limiter.right_password(JOE, home, DAY * day);
    }
    for number in 0..1_000_000 {
        limiter.right_password(&format!("{number}@mine"), network(number), DAY * 5);
    }
    guesses(&limiter, JOE, 100, DAY * 5, DAY * 5 + SECOND);
    assert!(check(&limiter, JOE, home, DAY * 5 + SECOND).is_ok());
}

#[test]
fn a_network_is_known_for_thirty_days() {
    let limiter = limiter();
    let home = network(1_000_000);
    limiter.right_password(JOE, home, START);
    let gets_in = |now: Duration| {
        guesses(&limiter, JOE, 100, now, now + SECOND);
        check(&limiter, JOE, home, now + SECOND).is_ok()
    };
    assert!(gets_in(DAY * 30 - SECOND * 2));
    assert!(!gets_in(DAY * 31));
}

#[test]
fn codes_are_limited_by_network_and_by_account() {
    let limiter = limiter();
    let asked = |account: &str, from, now| limiter.ask_for_code(account, from, now).is_ok();
    assert_eq!((0..100).filter(|number| asked(JOE, network(*number), START)).count(), 5);
    assert_eq!(limiter.ask_for_code(JOE, network(500), START).unwrap_err().barrier, Barrier::Account);
    assert!(asked(JOE, network(500), START + HOUR / 5));
    let one = network(600);
    assert_eq!((0..300).filter(|number| asked(&format!("{number}@acme"), one, START)).count(), 100);
    assert_eq!(limiter.ask_for_code("x@acme", one, START).unwrap_err().barrier, Barrier::Network);
}
