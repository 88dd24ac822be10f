//! PostgreSQL: an instance of its own, never one that somebody else uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Port;
use crate::running::lasting;
use crate::unprivileged::{command as unprivileged, done, folder, give, on_path};

const USER: &str = "appmixer";
const PASSWORD: &str = "the-password-of-the-test-bed";

/// How long a start or an end may take, on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = '32MB'
";

/// A running instance. Dropping it ends it.
pub struct Postgres {
    folder: TempDir,
    port: Port,
    server: Mutex<Option<Child>>,
    databases: AtomicUsize,
}

impl Postgres {
    /// Who may do everything, and the password.
    pub(crate) const USER: (&str, &str) = (USER, PASSWORD);

    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        let folder = folder();
        done(
            Command::new("cp").args(["-a", "--reflink=auto"]).arg(template()).arg(folder.path().join("data")),
        );
        give(folder.path());
        Self::on(folder)
    }

    /// Starts one with these settings besides, as in `postgresql.conf`.
    #[must_use]
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let postgres = Self::start();
        for (name, value) in settings {
            postgres.psql("postgres", &format!("ALTER SYSTEM SET {name} = '{value}'"));
        }
        postgres.stop();
        postgres.start_again();
        postgres
    }

    /// One for all tests of this process, which ends with the process.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| lasting(Self::start))
    }

    /// Starts it on a folder that has its data.
    fn on(folder: TempDir) -> Self {
        let port = Port::reserve();
        let postgres = Self { folder, port, server: Mutex::new(None), databases: AtomicUsize::new(0) };
        assert!(postgres.launch(), "PostgreSQL did not start: {}", postgres.log());
        postgres
    }

    /// Starts another one that has all that this one has, and gets what is written from now on. Each write here waits
    /// until that one has it too.
    #[must_use]
    pub fn standby(&self) -> Self {
        let folder = folder();
        give(folder.path());
        let mut copy = unprivileged(&program("pg_basebackup"));
        copy.env("PGPASSWORD", PASSWORD).arg("-D").arg(folder.path().join("data"));
        copy.args(["-h", "127.0.0.1", "-p", &self.port().to_string(), "-U", USER]);
        done(copy.args(["-R", "-X", "stream", "-c", "fast"]));
        let standby = Self::on(folder);
        self.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.psql("postgres", "SELECT pg_reload_conf()");
        let begun = Instant::now();
        while self.psql("postgres", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
            != "1"
        {
            assert!(begun.elapsed() < PATIENCE, "the standby does not follow: {}", standby.log());
            thread::sleep(Duration::from_millis(20));
        }
        standby
    }

    /// Makes a standby take writes.
    pub fn promote(&self) {
        assert_eq!(self.psql("postgres", "SELECT pg_promote()"), "t");
    }

    /// Whether it answers.
    fn launch(&self) -> bool {
        let log =
            fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = unprivileged(&program("postgres"));
        command.arg("-D").arg(self.folder.path().join("data")).args(["-p", &self.port().to_string()]);
        let child =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut server = self.server();
        *server = Some(child);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if server.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
                return false;
            }
            if self.query("postgres", "SELECT 1").status.success() {
                return true;
            }
            thread::sleep(Duration::from_millis(50));
        }
        false
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port.number()
    }

    /// Makes a database; its URL.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port())
    }

    /// The URL of a database that is here and, should it have gone, there.
    #[must_use]
    pub fn url_of_both(&self, other: &Self, database: &str) -> String {
        let (here, there) = (self.port(), other.port());
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{here},127.0.0.1:{there}/{database}")
    }

    /// Runs a statement beside the program that is tested; its rows.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let output = self.query(database, sql);
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Begins to run statements on a connection of their own.
    #[must_use]
    pub fn psql_beside(&self, database: &str, sql: &str) -> Child {
        let mut command = self.client(database, sql);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn query(&self, database: &str, sql: &str) -> Output {
        self.client(database, sql).output().unwrap()
    }

    fn client(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new(program("psql"));
        command
            .env("PGPASSWORD", PASSWORD)
            .args(["-h", "127.0.0.1", "-p", &self.port().to_string(), "-U", USER, "-d", database])
            .args(["-v", "ON_ERROR_STOP=1", "-qAt", "-c", sql]);
        command
    }

    /// Ends every connection of the database but the one that does it.
    pub fn cut(&self, database: &str) {
        let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()";
        self.psql(database, others);
    }

    /// Stops the server as an operator does: connections are ended, what was committed is on disk.
    pub fn stop(&self) {
        self.end("INT");
    }

    /// Kills the server and all that belongs to it at once.
    pub fn kill(&self) {
        // The others notice that it has gone, and go too.
        self.end("KILL");
    }

    fn end(&self, signal: &str) {
        let mut server = self.server();
        if let Some(mut child) = server.take() {
            done(Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]));
            child.wait().unwrap();
        }
    }

    /// Starts it again, at the same port with the same data.
    pub fn start_again(&self) {
        let begun = Instant::now();
        // What belonged to a server that was killed may still be about to end.
        while !self.launch() {
            assert!(begun.elapsed() < PATIENCE, "PostgreSQL did not start again: {}", self.log());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// What the server has said.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.end("INT");
    }
}

/// A program of PostgreSQL: from the path, or from where Debian has it.
fn program(name: &str) -> PathBuf {
    let debian = || {
        let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().collect();
        versions.sort_by_key(|entry| entry.file_name().to_string_lossy().parse::<u32>().unwrap_or(0));
        versions.iter().rev().map(|entry| entry.path().join("bin")).find(|folder| folder.join(name).exists())
    };
    // What Debian has on the path for `psql` chooses a version by itself; the folder comes first.
    debian().map(|folder| folder.join(name)).or_else(|| on_path(name)).unwrap_or_else(|| {
        panic!("there is no {name}: install PostgreSQL (Debian: apt-get install postgresql)")
    })
}

/// A folder as `initdb` makes it, which takes a second or more: made once, and copied.
fn template() -> PathBuf {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE
        .get_or_init(|| {
            let version = Command::new(program("postgres")).arg("--version").output().unwrap().stdout;
            let version: String =
                String::from_utf8_lossy(&version).chars().filter(char::is_ascii_digit).collect();
            let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/testbed");
            let path = kept.join(format!("postgres-{version}"));
            if !path.exists() {
                fs::create_dir_all(&kept).unwrap();
                let made = initdb();
                let moved = kept.join(format!("making-{}", std::process::id()));
                done(Command::new("cp").arg("-a").arg(made.path().join("data")).arg(&moved));
                // Another process may have been quicker.
                if fs::rename(&moved, &path).is_err() {
                    let _ = fs::remove_dir_all(&moved);
                }
            }
            path
        })
        .clone()
}

fn initdb() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("password"), PASSWORD).unwrap();
    give(folder.path());
    let mut command = unprivileged(&program("initdb"));
    command.arg("-D").arg(folder.path().join("data")).args(["-U", USER, "-E", "UTF8", "--locale=C.UTF-8"]);
    command
        .args(["--auth=scram-sha-256", "--no-instructions", "--pwfile"])
        .arg(folder.path().join("password"));
    done(&mut command);
    let settings = folder.path().join("data/postgresql.conf");
    fs::write(&settings, fs::read_to_string(&settings).unwrap() + SETTINGS).unwrap();
    folder
}
