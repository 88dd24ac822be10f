//! How many connections each address has: so that one machine cannot take the room of all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use appmixer_forwarded::Networks;

/// What one machine can choose of an IPv6 address is its lower half (RFC 4291 section 2.5.1).
const OWN_HALF: u128 = u64::MAX as u128;

/// Counts open connections by address. It has an entry for each address that has one, and no other: the limit of all
/// connections is its bound too.
pub(crate) struct PerAddress {
    /// The most of one address; 0 for any number.
    most: usize,
    /// Through these come many.
    exempt: Networks,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one connection, which is free again when this goes.
pub(crate) struct Place {
    counted: Option<(Arc<PerAddress>, IpAddr)>,
}

impl PerAddress {
    pub(crate) fn new(most: usize, exempt: Networks) -> Self {
        Self { most, exempt, counts: Mutex::default() }
    }

    /// A place for a connection from there; none when the address has as many as it may.
    ///
    /// Not counted are trusted proxies, Unix sockets, and this machine's own `127.0.0.1` and `::1`: a proxy may be
    /// there that nobody has named, and whoever is on the machine has other ways to take it up.
    pub(crate) fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let Some(key) = address.map(key).filter(|key| self.most > 0 && !is_own(*key)) else {
            return Some(Place { counted: None });
        };
        if self.exempt.contain(address) {
            return Some(Place { counted: None });
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place { counted: Some((Arc::clone(self), key)) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((counter, key)) = &self.counted else { return };
        let mut counts = counter.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(key);
            }
        }
    }
}

/// The address as it is counted: IPv4 whole, of IPv6 the upper half.
fn key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => Ipv6Addr::from_bits(v6.to_bits() & !OWN_HALF).into(),
        address => address,
    }
}

fn is_own(address: IpAddr) -> bool {
    address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(most: usize) -> Arc<PerAddress> {
        let exempt = Networks::parse(&["192.0.2.0/24"]).unwrap();
        Arc::new(PerAddress::new(most, exempt))
    }

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_as_many_places_as_it_may_and_others_have_theirs() {
        let counter = counter(2);
        let places = [counter.take(Some(at("198.51.100.1"))), counter.take(Some(at("::ffff:198.51.100.1")))];
        assert!(places.iter().all(Option::is_some));
        assert!(counter.take(Some(at("198.51.100.1"))).is_none());
        assert!(counter.take(Some(at("198.51.100.2"))).is_some());
        drop(places);
        assert!(counter.take(Some(at("198.51.100.1"))).is_some());
        assert!(counter.counts.lock().unwrap().is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn ipv6_counts_by_its_upper_half() {
        let counter = counter(1);
        let place = counter.take(Some(at("2001:db8::1")));
        assert!(place.is_some() && counter.take(Some(at("2001:db8::ffff:0:0:1"))).is_none());
        assert!(counter.take(Some(at("2001:db8:0:1::1"))).is_some());
    }

    #[test]
    fn proxies_unix_sockets_and_the_machine_itself_are_not_counted_and_zero_counts_nobody() {
        let of_one = counter(1);
        for address in
            ["192.0.2.7", "127.0.0.1", "::ffff:127.0.0.1", "::1"].map(at).map(Some).into_iter().chain([None])
        {
            let places: Vec<_> = (0..3).map(|_| of_one.take(address)).collect();
            assert!(places.iter().all(Option::is_some), "{address:?}");
        }
        let unlimited = counter(0);
        let places: Vec<_> = (0..3).map(|_| unlimited.take(Some(at("198.51.100.1")))).collect();
        assert!(places.iter().all(Option::is_some));
    }
}
