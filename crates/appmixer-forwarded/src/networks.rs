//! Sets of networks, as an operator writes them.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use thiserror::Error;

/// What stands for peers without an address.
const UNIX: &str = "unix";

/// The bits that are the same in all IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2).
const MAPPED: u8 = 96;

/// A set of networks; and whether Unix sockets, whose peers have no address, belong to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    list: Box<[IpNet]>,
    unix: bool,
}

/// The text is no network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidNetwork {
    /// It is something else.
    #[error("`{0}` is neither a network such as 10.0.0.0/8 or 2001:db8::/32, nor an address, nor `{UNIX}`")]
    Malformed(String),
    /// It has every address there is: then a set of networks distinguishes nothing.
    #[error("`{0}` is everybody")]
    Everybody(String),
}

impl Networks {
    /// No network at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads networks in CIDR notation (RFC 4632, RFC 4291 section 2.3), single addresses, and the word `unix`.
    ///
    /// # Errors
    /// [`InvalidNetwork`] for the first entry that is none.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, InvalidNetwork> {
        let named = |entry: &&S| entry.as_ref() != UNIX;
        let list: Result<_, _> = entries.iter().filter(named).map(|entry| network(entry.as_ref())).collect();
        Ok(Self { list: list?, unix: entries.iter().any(|entry| entry.as_ref() == UNIX) })
    }

    /// Whether there is nobody in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && !self.unix
    }

    /// Whether this address is in it; none is that of a Unix socket's peer.
    #[must_use]
    pub fn contain(&self, address: Option<IpAddr>) -> bool {
        match address.map(|address| address.to_canonical()) {
            Some(address) => self.list.iter().any(|network| network.contains(&address)),
            None => self.unix,
        }
    }
}

fn network(text: &str) -> Result<IpNet, InvalidNetwork> {
    let network: Result<IpNet, _> =
        text.parse().or_else(|_| text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical())));
    let network = network.map_err(|_| InvalidNetwork::Malformed(text.to_owned()))?;
    match canonical(network).trunc() {
        everybody if everybody.prefix_len() == 0 => Err(InvalidNetwork::Everybody(text.to_owned())),
        network => Ok(network),
    }
}

/// A network of IPv4-mapped addresses is one of IPv4.
fn canonical(network: IpNet) -> IpNet {
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(MAPPED)) {
        (IpAddr::V4(address), Some(prefix)) if matches!(network, IpNet::V6(_)) => {
            Ipv4Net::new(address, prefix).map_or(network, IpNet::V4)
        }
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        Networks::parse(&[network]).unwrap().contain(Some(address.parse().unwrap()))
    }

    #[test]
    fn a_network_has_its_addresses_and_no_other() {
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("10.1.2.3/8", "10.255.0.1"), "bits behind the prefix do not matter");
        assert!(contains("192.0.2.1", "192.0.2.1") && !contains("192.0.2.1", "192.0.2.2"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1") && !contains("2001:db8::/32", "2001:db9::1"));
        assert!(contains("::1", "::1") && !contains("::1", "127.0.0.1"));
    }

    #[test]
    fn an_ipv4_address_is_one_however_it_is_written() {
        assert!(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
        assert!(contains("::ffff:10.0.0.0/104", "10.0.0.1") && !contains("::ffff:10.0.0.0/104", "11.0.0.1"));
        assert!(contains("::ffff:192.0.2.1", "192.0.2.1"));
    }

    #[test]
    fn unix_is_a_word_of_its_own() {
        assert!(Networks::parse(&["unix"]).unwrap().contain(None));
        assert!(!Networks::parse(&["10.0.0.0/8"]).unwrap().contain(None));
        assert!(Networks::none().is_empty() && !Networks::parse(&["unix"]).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in ["", "proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "Unix", "::1%lo", "10.0.0.1:80"] {
            assert_eq!(Networks::parse(&[text]), Err(InvalidNetwork::Malformed(text.to_owned())));
        }
        for text in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"] {
            assert_eq!(Networks::parse(&["10.0.0.1", text]), Err(InvalidNetwork::Everybody(text.to_owned())));
        }
    }
}
