//! HAProxy: what stands between clients and several servers, as `deploy/haproxy/haproxy.cfg` sets it up.

use crate::examples;
use crate::running::Running;
use crate::unprivileged::{command, program};

/// A running instance. Dropping it ends it.
pub struct Haproxy(Running);

impl Haproxy {
    /// Starts one in front of three servers, whose addresses these are.
    #[must_use]
    pub fn before(nodes: [&str; 3]) -> Self {
        let program = program("haproxy");
        Self(Running::start("HAProxy", |folder, port| {
            let mut run = command(&program);
            run.arg("-db").arg("-f").arg(examples::copy("haproxy/haproxy.cfg", folder, &[]));
            run.env("APPMIXER_BIND", format!("127.0.0.1:{port}"));
            run.envs(["APPMIXER_NODE1", "APPMIXER_NODE2", "APPMIXER_NODE3"].into_iter().zip(nodes));
            run
        }))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        self.0.address()
    }

    /// What it has said: requests that failed, servers that went and came back.
    #[must_use]
    pub fn log(&self) -> String {
        self.0.log()
    }
}
