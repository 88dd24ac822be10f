//! Who asks for something, and from where.

use std::net::IpAddr;

use crate::access::Caller;
use crate::id::UserId;

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody without a token.
    Anonymous,
    /// The user of a token that is good.
    User(UserId),
    /// An operator at the machine.
    CommandLine {
        /// The operating system's number for whoever ran the command.
        uid: u32,
    },
}

/// Who asks, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who.
    pub actor: Actor,
    /// The client's address, where it has one.
    pub address: Option<IpAddr>,
}

impl Origin {
    /// Somebody who has not said who it is.
    #[must_use]
    pub fn anonymous(address: Option<IpAddr>) -> Self {
        Self::new(Actor::Anonymous, address)
    }

    /// The caller, or somebody anonymous.
    #[must_use]
    pub fn of(caller: Option<&Caller>, address: Option<IpAddr>) -> Self {
        Self::new(caller.map_or(Actor::Anonymous, |caller| Actor::User(caller.user.id)), address)
    }

    /// An operator at the machine.
    #[must_use]
    pub const fn command_line(uid: u32) -> Self {
        Self { actor: Actor::CommandLine { uid }, address: None }
    }

    fn new(actor: Actor, address: Option<IpAddr>) -> Self {
        // A socket for both families shows an IPv4 client as ::ffff:192.0.2.1.
        Self { actor, address: address.map(|address| address.to_canonical()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_client_has_one_address_whatever_the_socket() {
        let address = |text: &str| text.parse().ok();
        assert_eq!(Origin::anonymous(address("::ffff:192.0.2.1")), Origin::anonymous(address("192.0.2.1")));
        assert_eq!(Origin::anonymous(address("2001:db8::1")).address, address("2001:db8::1"));
    }
}
