//! The real binary on a real socket: started on a free port with a scratch folder, and ended with its test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const SECRET: &str = "the secret of the integration tests, which is long";
/// How long a test waits for what must come. Only a test that fails takes so long, however busy the machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The binary with nothing in its environment but what tests need: hashes that cost next to nothing.
pub(crate) fn binary(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_appmixer-server"));
    command
        .env_clear()
        .env("APPMIXER_DATA", data)
        .env("APPMIXER_TOKEN__SECRET", SECRET)
        .env("APPMIXER_PASSWORD__MEMORY_KIB", "64")
        .env("APPMIXER_PASSWORD__ITERATIONS", "1")
        .current_dir(data.parent().unwrap());
    command
}

/// Runs a command to its end, with this on its standard input. One that does not end is ended.
pub(crate) fn run(mut command: Command, input: &str) -> Output {
    run_within(&mut command, input, PATIENCE)
}

/// The same with a patience of its own.
pub(crate) fn run_within(command: &mut Command, input: &str, patience: Duration) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let id = child.id();
    let (ended, watch) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        if watch.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").arg("-9").arg(id.to_string()).status();
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    watchdog.join().unwrap();
    output
}

/// Where there are more sign-ups than anybody makes from one address.
pub(crate) const UNLIMITED: (&str, &str) = ("APPMIXER_LIMITS__ENABLED", "false");

fn owned(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) struct TestServer {
    folder: Arc<TempDir>,
    settings: Vec<(String, String)>,
    launcher: &'static [&'static str],
    child: Child,
    pub(crate) address: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Started with these variables.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::spawn(folder, owned(settings), &[])
    }

    /// Started by a program that then becomes the server.
    pub(crate) fn launched_by(launcher: &'static [&'static str], settings: &[(&str, &str)]) -> Self {
        Self::spawn(Arc::new(tempfile::tempdir().unwrap()), owned(settings), launcher)
    }

    fn spawn(
        folder: Arc<TempDir>,
        settings: Vec<(String, String)>,
        launcher: &'static [&'static str],
    ) -> Self {
        let mut command = binary(&folder.path().join("data"));
        if let [program, arguments @ ..] = launcher {
            let server = command;
            command = Command::new(program);
            command.args(arguments).arg(server.get_program()).env_clear();
            command.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
        }
        let listen = settings.iter().rfind(|(name, _)| name == "APPMIXER_LISTEN");
        let listen = listen.map_or("127.0.0.1:0", |(_, address)| address);
        command.args(["serve", "--listen", listen]).envs(settings.iter().cloned());
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let address = loop {
            let line = lines.next().expect("the server ended at its start").unwrap();
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            log.lock().unwrap().push(line);
            if event["message"] == "listening" {
                break event["address"].as_str().unwrap().to_owned();
            }
        };
        let rest = Arc::clone(&log);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                rest.lock().unwrap().push(line);
            }
        });
        Self { folder, settings, launcher, child, address, log }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// `kill -9`, and a new start on the same data.
    pub(crate) fn kill_and_restart(self) -> Self {
        let (folder, settings, launcher) = (Arc::clone(&self.folder), self.settings.clone(), self.launcher);
        drop(self);
        Self::spawn(folder, settings, launcher)
    }

    /// The same with other variables besides.
    pub(crate) fn restart_with(mut self, settings: &[(&str, &str)]) -> Self {
        self.settings.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.kill_and_restart()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(kill.unwrap().success());
    }

    /// How it ended; it must do so by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server goes on");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Everything it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// The management address; the settings have to ask for one.
    pub(crate) fn management(&self) -> String {
        let log = self.log();
        let mut events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let event = events.find(|event| event["message"] == "listening for management").unwrap();
        event["address"].as_str().unwrap().to_owned()
    }

    /// A command beside it, as in `user list`.
    pub(crate) fn command(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = binary(&self.data());
        command.envs(self.settings.iter().cloned()).args(arguments);
        run(command, input)
    }

    /// What a command that must succeed prints.
    pub(crate) fn done(&self, arguments: &[&str], input: &str) -> String {
        let output = self.command(arguments, input);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    }

    /// The token of a new administrator.
    pub(crate) fn admin(&self) -> String {
        self.done(
            &["user", "add", "root@acme", "--scope", "admin", "--scope", "user", "--password-stdin"],
            "abc321\n",
        );
        self.sign_in("root@acme", "abc321").text("token")
    }

    /// The token of a new user.
    pub(crate) fn user(&self, name: &str) -> String {
        self.post("/user", &format!(r#"{{"username":"{name}","password":"abc321"}}"#))
            .expect(200)
            .text("token")
    }

    /// The token of a new user whom an administrator has created, so that the address counts.
    pub(crate) fn vouched_user(&self, name: &str) -> String {
        self.done(&["user", "add", name, "--password-stdin"], "abc321\n");
        self.sign_in(name, "abc321").expect(200).text("token")
    }

    pub(crate) fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.post("/user/auth", &format!(r#"{{"username":"{name}","password":"{password}"}}"#))
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Answer {
        self.request("GET", path, &[("Authorization", &format!("Bearer {token}"))], b"")
    }

    pub(crate) fn post(&self, path: &str, json: &str) -> Answer {
        self.request("POST", path, &[("Content-Type", "application/json")], json.as_bytes())
    }

    /// The same with a token.
    pub(crate) fn post_as(&self, token: &str, path: &str, json: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
        self.request("POST", path, &headers, json.as_bytes())
    }

    pub(crate) fn put_as(&self, token: &str, path: &str, json: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
        self.request("PUT", path, &headers, json.as_bytes())
    }

    pub(crate) fn delete_as(&self, token: &str, path: &str) -> Answer {
        self.request("DELETE", path, &[("Authorization", &format!("Bearer {token}"))], b"")
    }

    /// One request on a connection of its own.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n").into_bytes();
        for (name, value) in headers {
            write!(bytes, "{name}: {value}\r\n").unwrap();
        }
        if !body.is_empty() {
            write!(bytes, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        bytes.extend_from_slice(b"Connection: close\r\n\r\n");
        bytes.extend_from_slice(body);
        self.raw(&bytes).unwrap_or_else(|text| panic!("{method} {path}: no answer but {text:?}"))
    }

    /// The status, if the server lives to give the whole answer.
    pub(crate) fn try_request(&self, method: &str, path: &str, token: &str, json: &str) -> Option<u16> {
        let mut connection = TcpStream::connect(&self.address).ok()?;
        connection.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(
            connection,
            "{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
            json.len()
        )
        .ok()?;
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes).ok()?;
        let answer = Answer::parse(&bytes)?;
        (answer.header("content-length")? == answer.body.len().to_string()).then_some(answer.status)
    }

    /// Sends bytes as they are; whatever comes back before the server closes.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<Answer, String> {
        let mut connection = self.connect();
        let _ = connection.write_all(bytes);
        let mut text = Vec::new();
        let _ = connection.read_to_end(&mut text);
        Answer::parse(&text).ok_or_else(|| String::from_utf8_lossy(&text).into_owned())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection.set_nodelay(true).unwrap();
        connection
    }

    /// Waits for longer than a client may do nothing: until two who have said nothing were cut off, one after the other.
    pub(crate) fn outlast_silence(&self) {
        for _ in 0..2 {
            self.connect().read_to_end(&mut Vec::new()).unwrap();
        }
    }

    /// How many TCP sockets of its own it listens on.
    pub(crate) fn listening(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        let files =
            std::fs::read_dir(folder).unwrap().filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        let sockets: Vec<_> = files.map(|file| file.display().to_string()).collect();
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        // The fourth field is the state, `0A` for listening, and the tenth the inode.
        let fields = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let listening = fields.filter(|fields| fields.get(3) == Some(&"0A"));
        listening.filter(|fields| sockets.contains(&format!("socket:[{}]", fields[9]))).count()
    }

    /// Its resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.memory_kib("VmRSS:")
    }

    /// The same without the pages of files: those of a binary for development are many.
    pub(crate) fn anonymous_kib(&self) -> u64 {
        self.memory_kib("RssAnon:")
    }

    fn memory_kib(&self, kind: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(kind)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// That it is still itself: nothing that a test does may change that.
    pub(crate) fn assert_well(&self) {
        self.request("GET", "/readyz", &[], b"").expect(200);
        let log = self.log();
        assert!(!log.contains("panicked") && !log.contains("\"ERROR\""), "{log}");
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// The values of `Set-Cookie`, as they came.
    pub(crate) cookies: Vec<String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let cookies = head.lines().filter_map(|line| line.split_once(": "));
        let cookies = cookies.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let cookies = cookies.map(|(_, value)| value.to_owned()).collect();
        Some(Self { status, head: head.to_lowercase(), cookies, body: body.to_owned() })
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        self
    }

    /// The error's message; its shape must be the contract's.
    #[track_caller]
    pub(crate) fn error(self, status: u16) -> String {
        let answer = self.expect(status);
        let json = answer.json();
        assert_eq!(json["statusCode"], status, "{}", answer.body);
        assert!(json["error"].is_string(), "{}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
        json["message"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("no {member} in {}", self.body)).to_owned()
    }
}

/// [`SECRET`] has a comma in it, so its list is JSON.
pub(crate) const SECRET_IN_A_LIST: &str = r#"["the secret of the integration tests, which is long"]"#;

/// Waits for something that happens soon, but not at once.
#[track_caller]
pub(crate) fn eventually(condition: impl Fn() -> bool) {
    assert!(happens(condition), "it did not happen");
}

/// Whether a condition comes true in time.
pub(crate) fn happens(condition: impl Fn() -> bool) -> bool {
    happens_within(PATIENCE, condition)
}

/// The same with a patience of its own.
pub(crate) fn happens_within(patience: Duration, condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Says that it is over when it goes: however a test ends, what runs beside it must end too.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
