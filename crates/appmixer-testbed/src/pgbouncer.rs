//! pgbouncer: what stands between many clients and few connections of PostgreSQL, and gives one to whoever has a
//! transaction for as long as that lasts.

use std::fs;
use std::sync::OnceLock;

use crate::Postgres;
use crate::running::{Running, lasting};
use crate::unprivileged::{command, program};

/// A running instance, which pools transactions. Dropping it ends it.
pub struct Pgbouncer(Running);

impl Pgbouncer {
    /// Starts one in front of a PostgreSQL, of which it uses so many connections for each database.
    #[must_use]
    pub fn before(postgres: &Postgres, connections: usize) -> Self {
        let program = program("pgbouncer");
        Self(Running::start("pgbouncer", |folder, port| {
            let (users, settings) = (folder.join("users"), folder.join("settings"));
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
            let mut run = command(&program);
            run.arg("-q").arg(&settings);
            run
        }))
    }

    /// One for all tests of this process, in front of [`Postgres::shared`], which ends with the process.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Pgbouncer> = OnceLock::new();
        SHARED.get_or_init(|| lasting(|| Self::before(Postgres::shared(), 4)))
    }

    /// The URL, by way of this, of a database whose own URL it is.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (user, password) = Postgres::USER;
        let name = database.rsplit('/').next().unwrap_or_default();
        format!("postgres://{user}:{password}@127.0.0.1:{}/{name}", self.0.port())
    }
}
