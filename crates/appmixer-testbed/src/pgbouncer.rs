//! pgbouncer: what stands between many clients and few connections of PostgreSQL, and gives one to whoever has a
//! transaction for as long as that lasts.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Postgres;
use crate::unprivileged::{command, done, folder, give, on_path, port};

const PATIENCE: Duration = Duration::from_secs(20);

/// A running instance, which pools transactions. Dropping it ends it.
pub struct Pgbouncer {
    _folder: TempDir,
    port: u16,
    server: Child,
}

impl Pgbouncer {
    /// Starts one in front of a PostgreSQL, of which it uses so many connections for each database.
    #[must_use]
    pub fn before(postgres: &Postgres, connections: usize) -> Self {
        // Between the choice of a port and its use somebody else may take it.
        (0..5)
            .find_map(|_| Self::try_before(postgres, connections))
            .expect("pgbouncer did not start, five times")
    }

    fn try_before(postgres: &Postgres, connections: usize) -> Option<Self> {
        let program = on_path("pgbouncer")
            .expect("there is no pgbouncer: install it (Debian: apt-get install pgbouncer)");
        let (folder, port) = (folder(), port());
        let (users, settings) = (folder.path().join("users"), folder.path().join("settings"));
        let (user, password) = Postgres::USER;
        fs::write(&users, format!("\"{user}\" \"{password}\"\n")).unwrap();
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = {connections}\nmax_client_conn = 500\n",
            postgres.port(),
            users.display(),
        );
        fs::write(&settings, text).unwrap();
        give(folder.path());
        let mut run = command(&program);
        let server = run.arg("-q").arg(&settings).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut bouncer = Self { _folder: folder, port, server };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && bouncer.server.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(bouncer);
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// The URL, by way of this, of a database whose own URL it is.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (user, password) = Postgres::USER;
        let name = database.rsplit('/').next().unwrap_or_default();
        format!("postgres://{user}:{password}@127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        done(std::process::Command::new("kill").args(["-KILL", &self.server.id().to_string()]));
        let _ = self.server.wait();
    }
}
