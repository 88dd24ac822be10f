//! A port that is kept for a server that comes later, goes, or never comes.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket, sockopt};

/// A port of this machine at which nobody listens but whoever was told of it.
///
/// It is bound, and does not listen. So the kernel gives it to nobody who wants just any port, and refuses whoever
/// connects; but whoever asks for this very one gets it, as servers do that may be started anew (`SO_REUSEADDR`).
pub struct Port {
    number: u16,
    _bound: OwnedFd,
}

impl Port {
    /// One that nobody uses, as long as this is there.
    #[must_use]
    pub fn reserve() -> Self {
        let bound = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        sockopt::set_socket_reuseaddr(&bound, true).unwrap();
        bind(&bound, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = SocketAddr::try_from(getsockname(&bound).unwrap()).unwrap();
        Self { number: address.port(), _bound: bound }
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// Where whoever listens there can be reached.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.number)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn nobody_is_there_until_somebody_comes_and_again_when_it_has_gone() {
        let port = Port::reserve();
        let refused =
            || TcpStream::connect(port.address()).unwrap_err().kind() == ErrorKind::ConnectionRefused;
        assert!(refused());
        for _ in 0..2 {
            let server = TcpListener::bind(port.address()).unwrap();
            TcpStream::connect(port.address()).unwrap();
            drop(server);
            assert!(refused());
        }
    }
}
