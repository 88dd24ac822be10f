//! Quotas by network, and the memory that they take.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(
    clippy::similar_names,
    clippy::unchecked_time_subtraction,
    reason = "`limiter` and `limited`; times that are big enough"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use appmixer_limits::{Barrier, Limit, Limiter, Network, Options, Quota};
use proptest::prelude::*;

const START: Duration = Duration::ZERO;
const MINUTE: Duration = Duration::from_mins(1);

fn limiter(options: Options) -> Limiter {
    Limiter::new(options, b"16 random bytes!")
}

fn network(address: impl Into<IpAddr>) -> Network {
    Network::of(Some(address.into()))
}

/// How many there can be one after the other before the first is refused, without any waiting.
fn at_once(
    limiter: &Limiter,
    limit: Limit,
    networks: impl IntoIterator<Item = Network>,
    now: Duration,
) -> usize {
    let allowed = |network: &Network| {
        let allowed = limiter.check(limit, *network, now).is_ok();
        if allowed {
            limiter.charge(limit, *network, now);
        }
        allowed
    };
    networks.into_iter().take_while(allowed).count()
}

#[test]
fn a_quota_is_there_at_once_and_then_comes_back_evenly() {
    let limiter = limiter(Options { redeem_code: "20/1m".parse().unwrap(), ..Options::default() });
    let joe = network(Ipv4Addr::new(198, 51, 100, 7));
    assert_eq!(at_once(&limiter, Limit::RedeemCode, [joe; 100], START), 20);
    let limited = limiter.check(Limit::RedeemCode, joe, START).unwrap_err();
    assert_eq!((limited.barrier, limited.wait), (Barrier::Network, Duration::from_secs(3)));
    assert_eq!(at_once(&limiter, Limit::RedeemCode, [joe; 100], START + limited.wait), 1);
    assert!(
        limiter.check(Limit::RedeemCode, joe, START + limited.wait * 2 - Duration::from_micros(1)).is_err()
    );
    assert_eq!(at_once(&limiter, Limit::RedeemCode, [joe; 100], START + MINUTE * 2), 20);
    // Nobody else has anything to do with it, nor has any other limit.
    let ann = network(Ipv4Addr::new(198, 51, 100, 8));
    assert_eq!(at_once(&limiter, Limit::RedeemCode, [ann; 100], START + MINUTE * 2), 20);
    assert!(limiter.check(Limit::SignUp, joe, START + MINUTE * 2).is_ok());
}

#[test]
fn what_is_left_is_told() {
    let limiter = limiter(Options { sign_up: "10/100s".parse().unwrap(), ..Options::default() });
    let joe = network(Ipv4Addr::new(198, 51, 100, 7));
    let standing = |now| {
        let standing = limiter.standing(Limit::SignUp, joe, now);
        (standing.remaining, standing.next.as_secs())
    };
    assert_eq!(standing(START), (10, 0));
    limiter.charge(Limit::SignUp, joe, START);
    limiter.charge(Limit::SignUp, joe, START);
    assert_eq!(standing(START), (8, 10));
    assert_eq!(standing(START + Duration::from_secs(4)), (8, 6));
    for _ in 0..9 {
        limiter.charge(Limit::SignUp, joe, START);
    }
    assert_eq!(standing(START), (0, 20));
    assert_eq!(limiter.check(Limit::SignUp, joe, START).unwrap_err().wait.as_secs(), 20);
}

#[test]
fn more_than_the_quota_at_once_is_waited_for_later() {
    let limiter = limiter(Options { redeem_code: Quota::hourly(20), ..Options::default() });
    let joe = network(Ipv4Addr::new(198, 51, 100, 7));
    for _ in 0..200 {
        assert!(limiter.check(Limit::RedeemCode, joe, START).is_ok());
    }
    for _ in 0..200 {
        limiter.charge(Limit::RedeemCode, joe, START);
    }
    let wait = limiter.check(Limit::RedeemCode, joe, START).unwrap_err().wait;
    assert_eq!(wait, MINUTE * 3 * 181, "200 of them have used up ten hours");
    for _ in 0..1_000_000 {
        limiter.charge(Limit::RedeemCode, joe, START);
    }
    assert!(
        limiter.check(Limit::RedeemCode, joe, START).unwrap_err().wait < MINUTE * 60 * 25,
        "but not for ever"
    );
}

#[test]
fn an_ipv6_64_is_one_network_and_a_48_has_ten_quotas_and_not_65536() {
    let address =
        |site: u16, subnet: u16, host: u16| Ipv6Addr::new(0x2001, 0xdb8, site, subnet, host, 0, 0, 1);
    let limiter = limiter(Options { sign_up: Quota::hourly(10), ..Options::default() });
    let one_64 = (0..1000).map(|host| network(address(1, 0, host)));
    assert_eq!(at_once(&limiter, Limit::SignUp, one_64, START), 10);
    let one_48 = (0..60_000).map(|subnet| network(address(2, subnet, 0)));
    assert_eq!(at_once(&limiter, Limit::SignUp, one_48, START), 100);
    assert!(limiter.check(Limit::SignUp, network(address(3, 0, 0)), START).is_ok());
}

#[test]
fn an_ipv4_address_is_one_network_however_it_is_written() {
    let mapped: IpAddr = "::ffff:198.51.100.7".parse().unwrap();
    assert_eq!(network(mapped), network(Ipv4Addr::new(198, 51, 100, 7)));
    assert_ne!(network(Ipv4Addr::new(198, 51, 100, 8)), network(Ipv4Addr::new(198, 51, 100, 7)));
    assert_eq!(Network::of(None), Network::Local);
}

#[test]
fn millions_of_addresses_take_no_more_memory_than_there_is_room() {
    let options = Options { entries: 4096, ..Options::default() };
    let limiter = limiter(options);
    assert!(limiter.bytes() * 20 < limiter.max_bytes(), "{} bytes before anybody has come", limiter.bytes());
    for number in 0..2_000_000u32 {
        let network = network(Ipv4Addr::from(number));
        limiter.begin(Limit::SignIn, &format!("{number}@acme"), network, START).unwrap().fail(START);
        if number % 16 == 0 {
            limiter.right_password(&format!("{number}@acme"), network, START);
        }
    }
    // Four tables of that many, one of them double, and one of a sixteenth.
    assert!(limiter.entries(START) <= 4096 * 6, "{}", limiter.entries(START));
    assert!(limiter.entries(START) > 4096 * 4, "{}", limiter.entries(START));
    assert!(
        limiter.bytes() <= limiter.max_bytes() && limiter.max_bytes() < 4096 * 6 * 26,
        "{}",
        limiter.max_bytes()
    );
    assert_eq!(limiter.entries(START + MINUTE * 60 * 24 * 90), 0, "in time all of it means nothing any more");
}

#[test]
fn a_full_table_gives_newcomers_half_a_quota_and_not_none() {
    let options = Options { entries: 1024, redeem_code: Quota::hourly(10), ..Options::default() };
    let limiter = limiter(options);
    // Ten times as many as there is room for, each of whom has used up everything.
    for number in 0..10_240 {
        for _ in 0..20 {
            limiter.charge(Limit::RedeemCode, network(Ipv4Addr::from(number)), START);
        }
    }
    let mut tries = 0;
    for number in 1_000_000..1_001_000 {
        let newcomer = [network(Ipv4Addr::from(number)); 10];
        let count = at_once(&limiter, Limit::RedeemCode, newcomer, START);
        assert!((5..=10).contains(&count));
        tries += count;
    }
    // A whole one for nobody but the few in sets that are not full.
    assert!(tries < 5100, "{tries}");
}

#[test]
fn the_worst_are_not_driven_out_by_any_number_of_newcomers() {
    let options = Options { entries: 1024, ..Options::default() };
    let limiter = limiter(options);
    let worst = network(Ipv4Addr::new(198, 51, 100, 7));
    for _ in 0..150 {
        limiter.charge(Limit::SignIn, worst, START);
    }
    for number in 0..1_000_000 {
        limiter.charge(Limit::SignIn, network(Ipv4Addr::from(number)), START);
    }
    assert!(limiter.check(Limit::SignIn, worst, START).is_err());
}

#[test]
fn the_same_refusal_is_news_once_an_hour() {
    let limiter = limiter(Options { redeem_code: Quota::hourly(1), ..Options::default() });
    let joe = network(Ipv4Addr::new(198, 51, 100, 7));
    for _ in 0..100 {
        limiter.charge(Limit::RedeemCode, joe, START);
    }
    let news = |now| limiter.is_news(&limiter.check(Limit::RedeemCode, joe, now).unwrap_err(), now);
    assert_eq!((0..600).filter(|second| news(START + Duration::from_secs(*second))).count(), 1);
    assert!(news(START + MINUTE * 61));
}

proptest! {
    /// In no stretch of time are there more than the quota allows.
    #[test]
    fn never_more_than_the_quota(count in 1..50u32, period in 1..100u64, pauses in prop::collection::vec(0..3_000u64, 1..300)) {
        let quota: Quota = format!("{count}/{period}s").parse().unwrap();
        let limiter = limiter(Options { redeem_code: quota, ..Options::default() });
        let joe = network(Ipv4Addr::new(198, 51, 100, 7));
        let (mut now, mut done) = (START, 0);
        for pause in pauses {
            now += Duration::from_millis(pause);
            if limiter.check(Limit::RedeemCode, joe, now).is_ok() {
                limiter.charge(Limit::RedeemCode, joe, now);
                done += 1;
            }
        }
        let allowed = f64::from(count) * (1.0 + now.as_secs_f64() / quota.period().as_secs_f64());
        prop_assert!(f64::from(done) <= allowed + 0.01, "{} of {}", done, allowed);
    }
}
