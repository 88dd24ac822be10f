//! Real databases for tests, what stands before them, before servers and before services, and a browser: each on a free
//! port of this machine, in a folder of its own, ended with its test. And a table of how servers read paths ([`READERS`]).
//!
//! Whatever does not work here is a defect of the test or of the machine: it panics and says what to do.

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop"
)]

mod chromium;
mod examples;
mod gatekeeper;
mod haproxy;
mod path_server;
mod pgbouncer;
mod port;
mod postgres;
mod readers;
mod running;
mod unprivileged;

pub use chromium::Chromium;
pub use gatekeeper::Gatekeeper;
pub use haproxy::Haproxy;
pub use path_server::PathServer;
pub use pgbouncer::Pgbouncer;
pub use port::Port;
pub use postgres::Postgres;
pub use readers::{READERS, Reader, spelling};
