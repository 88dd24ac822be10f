//! HAProxy: what stands between clients and several servers, as `deploy/haproxy/haproxy.cfg` sets it up.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::unprivileged::{command, done, folder, give, on_path, port};

const PATIENCE: Duration = Duration::from_secs(20);

/// A running instance. Dropping it ends it.
pub struct Haproxy {
    folder: TempDir,
    port: u16,
    server: Child,
}

impl Haproxy {
    /// Starts one in front of three servers, whose addresses these are.
    #[must_use]
    pub fn before(nodes: [&str; 3]) -> Self {
        // Between the choice of a port and its use somebody else may take it.
        (0..5).find_map(|_| Self::try_before(nodes)).expect("HAProxy did not start, five times")
    }

    fn try_before(nodes: [&str; 3]) -> Option<Self> {
        let program =
            on_path("haproxy").expect("there is no haproxy: install it (Debian: apt-get install haproxy)");
        let (folder, port) = (folder(), port());
        let settings = folder.path().join("haproxy.cfg");
        // As it is there, but where it can be read by whom it runs as.
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/haproxy/haproxy.cfg"), &settings)
            .unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        give(folder.path());
        let mut run = command(&program);
        run.arg("-db").arg("-f").arg(&settings).env("APPMIXER_BIND", format!("127.0.0.1:{port}"));
        run.envs(["APPMIXER_NODE1", "APPMIXER_NODE2", "APPMIXER_NODE3"].into_iter().zip(nodes));
        let server = run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut proxy = Self { folder, port, server };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && proxy.server.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(proxy);
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it has said: requests that failed, servers that went and came back.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        done(Command::new("kill").args(["-KILL", &self.server.id().to_string()]));
        let _ = self.server.wait();
    }
}
