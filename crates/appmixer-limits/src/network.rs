//! Whom an address is counted with.

use std::net::IpAddr;

/// Whom a client is counted with: what one household or one machine usually has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// One IPv4 address.
    V4([u8; 4]),
    /// An IPv6 /64: whoever has one address in it has them all (RFC 4291 section 2.5.1).
    V6([u16; 4]),
    /// An IPv6 /48, which is what a site or a rented server may get (RFC 6177): 65,536 times a /64.
    Site([u16; 3]),
    /// Whoever has no address, as peers of a Unix socket.
    Local,
}

impl Network {
    /// The network of an address, if there is one.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::V4(address.octets()),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
            None => Self::Local,
        }
    }

    /// The site that it belongs to, which has a quota of its own.
    pub(crate) const fn site(self) -> Option<Self> {
        match self {
            Self::V6([a, b, c, _]) => Some(Self::Site([a, b, c])),
            Self::V4(_) | Self::Site(_) | Self::Local => None,
        }
    }
}
