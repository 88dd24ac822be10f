//! PostgreSQL: an instance of its own, never one that somebody else uses.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const USER: &str = "appmixer";
const PASSWORD: &str = "the-password-of-the-test-bed";

/// How long a start or an end may take, on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

/// The user as whom a server runs that root starts, which PostgreSQL itself refuses to do.
const UNPRIVILEGED: &str = "nobody";

/// Folders, and which process one belongs to.
const PREFIX: &str = "appmixer-postgres-";
const OWNER: &str = "owner";

const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = '32MB'
";

/// A running instance. Dropping it ends it.
pub struct Postgres {
    folder: TempDir,
    port: u16,
    server: Mutex<Option<Child>>,
    databases: AtomicUsize,
}

impl Postgres {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        // Between the choice of a port and its use somebody else may take it.
        (0..5).find_map(|_| Self::try_start()).expect("PostgreSQL did not start, five times")
    }

    /// One for all tests of this process, which ends with the process.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| {
            let (sender, receiver) = mpsc::channel();
            // The server is told to end when the thread that has started it does: this one lasts.
            thread::spawn(move || {
                let _ = sender.send(Self::start());
                loop {
                    thread::park();
                }
            });
            receiver.recv().unwrap()
        })
    }

    fn try_start() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap();
        fs::write(folder.path().join(OWNER), std::process::id().to_string()).unwrap();
        sweep();
        done(
            Command::new("cp").args(["-a", "--reflink=auto"]).arg(template()).arg(folder.path().join("data")),
        );
        give(folder.path());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let postgres = Self { folder, port, server: Mutex::new(None), databases: AtomicUsize::new(0) };
        postgres.launch().then_some(postgres)
    }

    /// Whether it answers.
    fn launch(&self) -> bool {
        let log =
            fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = unprivileged(&program("postgres"));
        command.arg("-D").arg(self.folder.path().join("data")).args(["-p", &self.port.to_string()]);
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
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs a statement beside the program that is tested; its rows.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let output = self.query(database, sql);
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn query(&self, database: &str, sql: &str) -> Output {
        Command::new(program("psql"))
            .env("PGPASSWORD", PASSWORD)
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", USER, "-d", database])
            .args(["-v", "ON_ERROR_STOP=1", "-qAt", "-c", sql])
            .output()
            .unwrap()
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
    let path = std::env::var_os("PATH").unwrap_or_default();
    // What Debian has on the path for `psql` chooses a version by itself; the folder comes first.
    let folder = debian().or_else(|| std::env::split_paths(&path).find(|folder| folder.join(name).exists()));
    folder
        .unwrap_or_else(|| {
            panic!("there is no {name}: install PostgreSQL (Debian: apt-get install postgresql)")
        })
        .join(name)
}

/// Removes what processes have left that had no time to.
fn sweep() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let owner = fs::read_to_string(entry.path().join(OWNER)).unwrap_or_default();
        if !owner.is_empty() && !Path::new("/proc").join(owner).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The program as somebody whom PostgreSQL accepts, who ends when whoever has started it does.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if is_root() {
        command.args(["--reuid", UNPRIVILEGED, "--regid", "nogroup", "--clear-groups"]);
    }
    command.arg("--").arg(program).current_dir("/");
    command
}

/// Makes a folder belong to whoever runs the server.
fn give(folder: &Path) {
    if is_root() {
        done(Command::new("chown").args(["-R", &format!("{UNPRIVILEGED}:nogroup")]).arg(folder));
    }
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
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
