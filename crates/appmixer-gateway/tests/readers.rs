//! Whatever an upstream may read as a path below a protected prefix needs a token.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::LazyLock;
use std::time::Duration;

use appmixer_gateway::{Address, Gateway, Prefix, RouteOptions};
use appmixer_testbed::{READERS, spelling};
use proptest::prelude::*;

/// Protected prefixes at every depth, each below an open one.
const PROTECTED: [&str; 5] = ["/admin", "/pub/admin", "/pub/admin.php", "/a/b/secret", "/a/b/secret/c/deep"];

/// Where each of them would be without protection.
const OPEN: [&str; 5] = ["/", "/pub", "/a", "/a/b", "/a/b/secret/c"];

fn gateway(protected: &str) -> Gateway {
    let route = |prefix: &str, is_open| RouteOptions {
        prefix: Prefix::parse(prefix).unwrap(),
        to: vec![Address::parse("http://127.0.0.1:9").unwrap()],
        is_open,
        strip_prefix: false,
        preserve_host: false,
        pass_authorization: true,
        forward_overrides: false,
        connect_timeout: Duration::from_secs(1),
        head_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
        health: None,
        max_request: None,
        max_answer: None,
    };
    let open = OPEN.iter().map(|prefix| route(prefix, true));
    Gateway::new(open.chain([route(protected, false)]).collect(), None)
}

/// Each prefix alone, so that no other one protects it by chance.
static GATEWAYS: LazyLock<Vec<Gateway>> =
    LazyLock::new(|| PROTECTED.iter().map(|prefix| gateway(prefix)).collect());

/// Whether it would be forwarded without a token.
fn passes(gateway: &Gateway, target: &str) -> bool {
    gateway.find(target).is_some_and(|found| found.is_open && found.path.is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_long_spelling_that_a_server_reads_as_a_protected_path_passes_without_a_token(
        which in 0..PROTECTED.len(),
        filling in prop::sample::select(vec![";ß", ";\u{fdfa}", "\u{a0}", "\u{301}", ".é", "/ﬃ", "?ａ", ":각"]),
        count in prop::sample::select(vec![1_usize, 100, 1000, 3000]),
        choices in proptest::collection::vec(any::<u8>(), 0..24),
    ) {
        let prefix = PROTECTED[which];
        let target = format!("{}{}", spelling(prefix, &choices), filling.repeat(count));
        if passes(&GATEWAYS[which], &target) {
            for reader in &READERS {
                prop_assert!(!reader.finds(prefix, &target), "{} reads {target} as {prefix}", reader.name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn no_spelling_that_a_server_reads_as_a_protected_path_passes_without_a_token(
        which in 0..PROTECTED.len(),
        below in "(/[a-z0-9]{1,3}(;x|%20|\\.js)?){0,2}/?",
        choices in proptest::collection::vec(any::<u8>(), 0..24),
    ) {
        let prefix = PROTECTED[which];
        let target = format!("{}{below}", spelling(prefix, &choices));
        if passes(&GATEWAYS[which], &target) {
            for reader in &READERS {
                prop_assert!(!reader.finds(prefix, &target), "{} reads {target} as {prefix}", reader.name);
            }
        }
    }

    #[test]
    fn what_is_below_no_protected_prefix_stays_open(
        path in "/pub(/([A-Za-z0-9~_-]|%20|%C3%A9|[.]){1,6}(;jsessionid=[A-F0-9]{4}|;v=1)?){1,4}/?",
    ) {
        let is_clear = path.split('/').skip(1).map(|segment| segment.split(';').next().unwrap_or_default())
            .all(|name| name.is_empty() || !name.replace("%20", "").trim_matches('.').is_empty());
        if is_clear && !path.to_lowercase().contains("/admin") {
            prop_assert!(passes(&GATEWAYS[1], &path), "{path}");
        }
    }
}
