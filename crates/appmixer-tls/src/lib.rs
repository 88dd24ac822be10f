//! A server's TLS certificate from two PEM files, which are read again when they change; and whom clients trust.
//!
//! ```no_run
//! use appmixer_tls::{Certificate, Files};
//!
//! let files = Files { certificate: "fullchain.pem".into(), key: "privkey.pem".into() };
//! let certificate = Certificate::watch(files)?;
//! let config = certificate.server_config(&[b"h2", b"http/1.1"])?;
//! # let _ = std::sync::Arc::new(config);
//! # Ok::<(), appmixer_tls::CertificateError>(())
//! ```
//!
//! # What it promises
//!
//! - Who connects gets the last pair of certificate and key that was whole and fitted together. A file that is half
//!   written, or a key that belongs to another certificate, changes nothing, and is told once in the log.
//! - Connections that are open go on as they began.
//! - TLS 1.2 and 1.3 with the suites that rustls chooses; ring does the cryptography. No data before the handshake is
//!   complete (0-RTT), so that nothing can be sent twice by somebody else.
//! - Sessions are resumed with tickets, whose keys exist in memory alone and are changed every six hours: clients,
//!   however many, cost the server no memory after they have gone.
//! - A certificate that is about to expire is told in the log, two weeks before and when it has.
//!
//! # What it does not do
//!
//! Certificates of clients, several certificates by name (SNI), OCSP stapling, and getting certificates (ACME).

mod certificate;
mod expiry;
mod files;
mod trust;
mod verifier;

pub use certificate::Certificate;
pub use files::{CertificateError, Files};
pub use trust::{TrustError, check_ca_file, client_config};
pub use verifier::refusal;
