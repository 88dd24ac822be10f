//! In whose turn a request's password hashes are computed.

use std::hash::BuildHasher as _;

use appmixer_core::{Caller, LoginName, QueueKey, UserId};
use appmixer_limits::Network;

use crate::head::Head;
use crate::limits::Limits;

/// The account that a password hash is computed for, as far as it is known before the hash.
#[derive(Hash)]
pub(crate) enum Account<'a> {
    /// The user of a valid token. Without that token, no one can fill this user's queue.
    Caller(UserId),
    /// A name that somebody has sent, whether or not a user has it.
    Name(&'a LoginName),
    /// The user whom a code was sent to.
    Code(&'a str),
}

impl<'a> Account<'a> {
    /// The caller, or else the user who is to have this name.
    pub(crate) fn of(caller: Option<&Caller>, name: &'a LoginName) -> Self {
        caller.map_or(Self::Name(name), |caller| Self::Caller(caller.user.id))
    }
}

/// Who takes a turn.
#[derive(Clone, Copy, Hash)]
enum Turn<'a> {
    Network(Network),
    Account(&'a Account<'a>),
}

impl Limits {
    /// The key under which a request's password hashes are queued.
    ///
    /// An exempt network is one through which all users come, so each of its accounts takes turns like a network.
    pub(crate) fn queue_key(&self, head: &Head<'_>, account: &Account<'_>) -> QueueKey {
        let (client, hash) = (head.client(), |of: Turn<'_>| self.queue_keys.hash_one(of));
        let of_account = Turn::Account(account);
        let is_exempt = self.is_exempt(client);
        let network = if is_exempt { of_account } else { Turn::Network(Network::of(client.address)) };
        QueueKey { network: hash(network), account: hash(of_account) }
    }
}

#[cfg(test)]
mod tests {
    use appmixer_forwarded::Networks;
    use http::{HeaderMap, Method};

    use super::*;
    use crate::head::Peer;
    use crate::limits::LimitOptions;

    struct Keys(Limits, Networks);

    impl Keys {
        fn new(exempt: &[&str]) -> Self {
            let options =
                LimitOptions { exempt: Networks::parse(exempt).unwrap(), ..LimitOptions::default() };
            Self(Limits::new(Some(&options), None), Networks::parse(&["127.0.0.1"]).unwrap())
        }

        /// Of a request that a trusted proxy passes on with these headers.
        fn of(&self, headers: &[(&'static str, &str)], account: &str) -> QueueKey {
            let headers: HeaderMap =
                headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            let peer = Peer { address: "127.0.0.1".parse().ok(), over_tls: false };
            let (method, path, query, host) = (&Method::POST, "/user/auth", "", None);
            let head = Head { method, path, headers: &headers, query, host, peer, proxies: &self.1 };
            self.0.queue_key(&head, &Account::Name(&LoginName::parse(account).unwrap()))
        }

        fn from(&self, address: &str, account: &str) -> QueueKey {
            self.of(&[("x-forwarded-for", address)], account)
        }
    }

    #[test]
    fn clients_behind_a_proxy_have_their_own_networks_and_an_ipv6_64_is_one() {
        let keys = Keys::new(&[]);
        let one = keys.from("192.0.2.1", "joe@acme");
        assert_eq!(keys.from("192.0.2.1", "JOE@acme"), one);
        assert_eq!(keys.from("192.0.2.1", "ann@acme").network, one.network);
        assert_ne!(keys.from("192.0.2.1", "ann@acme").account, one.account);
        assert_ne!(keys.from("192.0.2.2", "joe@acme").network, one.network);
        let network = |address: &str| keys.from(address, "joe@acme").network;
        assert_eq!(network("2001:db8:1:1::1"), network("2001:db8:1:1:ffff::2"));
        assert_ne!(network("2001:db8:1:1::1"), network("2001:db8:1:2::1"));
    }

    #[test]
    fn the_accounts_of_an_exempt_network_take_turns_like_networks() {
        let keys = Keys::new(&["192.0.2.0/24", "127.0.0.1"]);
        let (joe, ann) = (keys.from("192.0.2.1", "joe@acme"), keys.from("192.0.2.1", "ann@acme"));
        assert_ne!(joe.network, ann.network);
        assert_eq!(joe, keys.from("192.0.2.2", "joe@acme"));
        // A client whose address is in doubt is not exempt, though it is counted as the proxy, which is.
        let in_doubt = [("x-forwarded-for", "198.51.100.7"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(keys.of(&in_doubt, "joe@acme").network, keys.of(&in_doubt, "ann@acme").network);
        assert_ne!(keys.of(&[], "joe@acme").network, keys.of(&[], "ann@acme").network);
    }

    #[test]
    fn a_caller_and_whoever_sends_the_same_text_share_no_turn() {
        let keys = Keys::new(&[]);
        let hash = |account: Account<'_>| keys.0.queue_keys.hash_one(Turn::Account(&account));
        let name = LoginName::parse("joe@acme").unwrap();
        assert_ne!(hash(Account::Name(&name)), hash(Account::Code("joe@acme")));
    }

    #[test]
    fn no_two_processes_have_the_same_keys() {
        let (one, other) = (Keys::new(&[]), Keys::new(&[]));
        assert_ne!(one.from("192.0.2.1", "joe@acme"), other.from("192.0.2.1", "joe@acme"));
    }
}
