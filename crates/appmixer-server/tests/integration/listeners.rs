//! Where connections come in besides plain TCP: Unix sockets, and sockets that systemd hands over.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::secure::{Authority, address_of, get, text};
use crate::support::{Answer, PATIENCE, TestServer, binary, eventually, run};

fn curl(socket: &Path, arguments: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "20", "--unix-socket"]).arg(socket).args(arguments);
    text(&run(curl, ""))
}

#[test]
fn a_unix_socket_serves_whom_its_mode_lets_in_and_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("appmixer.sock");
    let setting = path.display().to_string();
    let mut server =
        TestServer::with(&[("APPMIXER_LISTEN_UNIX", &setting), ("APPMIXER_LISTEN_UNIX_MODE", "0600")]);
    assert_eq!(address_of_unix(&server), setting);
    let file = fs::metadata(&path).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o600);

    let new = r#"{"username":"joe@acme","password":"abc321"}"#;
    let json = "Content-Type: application/json";
    assert!(curl(&path, &["-H", json, "-d", new, "http://localhost/user"]).contains("\"token\":\"ey"));
    assert!(curl(&path, &["-H", json, "-d", new, "http://localhost/user/auth"]).contains("\"token\":\"ey"));
    // Whoever came in this way has no address.
    let entries = || server.done(&["audit", "list", "--json"], "");
    eventually(|| entries().contains("\"sign-in\""));
    assert!(!entries().contains("127.0.0.1"), "{}", entries());
    server.assert_well();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(!path.exists(), "the file goes with the server");
}

fn address_of_unix(server: &TestServer) -> String {
    let has_it = || server.log().lines().filter(|line| line.contains("\"listening\"")).count() == 2;
    eventually(has_it);
    let log = server.log();
    let line = log.lines().filter(|line| line.contains("\"listening\"")).nth(1).unwrap();
    serde_json::from_str::<serde_json::Value>(line).unwrap()["address"].as_str().unwrap().to_owned()
}

#[test]
fn a_socket_left_behind_is_replaced_and_one_in_use_or_another_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("appmixer.sock");
    let setting = path.display().to_string();
    let server = TestServer::with(&[("APPMIXER_LISTEN_UNIX", &setting)]);
    address_of_unix(&server);
    // `kill -9` leaves the file there.
    let server = server.kill_and_restart();
    assert_eq!(address_of_unix(&server), setting);
    assert!(curl(&path, &["http://localhost/healthz"]).contains("ok"));

    let refused = |path: &str| {
        let other = tempfile::tempdir().unwrap();
        let mut command = binary(&other.path().join("data"));
        command.args(["serve", "--listen", "off"]).env("APPMIXER_LISTEN_UNIX", path);
        let output = run(command, "");
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        text(&output)
    };
    let line = refused(&setting);
    assert!(line.contains(&setting) && line.contains("in use"), "{line}");
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    assert!(refused(&file.display().to_string()).contains("no socket"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert!(refused("/nowhere/appmixer.sock").contains("/nowhere/appmixer.sock"));
    assert!(curl(&path, &["http://localhost/healthz"]).contains("ok"), "who was there first goes on");
    server.assert_well();
}

#[test]
fn plain_tcp_can_be_switched_off_where_there_is_another_way_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary(&folder.path().join("data"));
    command.args(["serve", "--listen", "off"]);
    let output = run(command, "");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("listen: is off"), "{}", text(&output));

    let path = folder.path().join("appmixer.sock");
    let mut command = binary(&folder.path().join("data"));
    command.args(["serve", "--listen", "off"]).env("APPMIXER_LISTEN_UNIX", &path).stderr(Stdio::null());
    let child = Ended(command.spawn().unwrap());
    eventually(|| UnixStream::connect(&path).is_ok());
    assert!(curl(&path, &["http://localhost/healthz"]).contains("ok"));
    drop(child);
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ended {
    fn stop(mut self) {
        let kill = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status().unwrap();
        assert!(kill.success());
        eventually(|| !Path::new(&format!("/proc/{}/fd/3", self.0.id())).exists());
        assert!(self.0.wait().unwrap().success());
    }
}

/// Starts a server as systemd would, with these sockets as its descriptors from 3 on.
fn activated(command: &mut Command, sockets: (OwnedFd, Option<OwnedFd>), names: &str) -> Command {
    let count = 1 + usize::from(sockets.1.is_some());
    let mut shell = Command::new("sh");
    // What a child inherits is what its standard descriptors are; the shell moves them.
    let script = "export LISTEN_PID=$$; exec \"$@\" 3<&0 4<&1 0</dev/null 1>/dev/null";
    shell.args(["-c", script, "sh"]).arg(command.get_program()).args(command.get_args()).env_clear();
    shell.env("PATH", std::env::var_os("PATH").unwrap());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("LISTEN_FDS", count.to_string()).env("LISTEN_FDNAMES", names);
    shell.stdin(Stdio::from(sockets.0)).stdout(sockets.1.map_or_else(Stdio::null, Stdio::from));
    shell
}

/// Started, and listening.
fn running(mut shell: Command) -> Ended {
    let mut child = Ended(shell.stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    loop {
        let line = lines.next().expect("the server ended at its start").unwrap();
        if line.contains("\"listening\"") {
            thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
            return child;
        }
    }
}

#[test]
fn sockets_from_systemd_take_the_place_of_those_configured() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let path = folder.path().join("systemd.sock");
    let unix = UnixListener::bind(&path).unwrap();
    // Taken: with sockets from systemd, these are not opened.
    let mut command = binary(&folder.path().join("data"));
    command.args(["serve", "--listen", &address]).envs(authority.settings());
    let shell = activated(&mut command, (tcp.into(), Some(unix.into())), "tls:plain");
    let server = running(shell);
    get(&address, &authority.client(&["http/1.1"]), "/healthz").unwrap().expect(200);
    assert!(curl(&path, &["http://localhost/healthz"]).contains("ok"));
    server.stop();
    assert!(path.exists(), "what systemd has made is systemd's");
}

#[test]
fn sockets_from_systemd_that_fit_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |socket: OwnedFd, name: &str| {
        let mut command = binary(&folder.path().join("data"));
        command.arg("serve");
        let output = run_shell(activated(&mut command, (socket, None), name));
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        text(&output)
    };
    let tcp = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
    assert!(refused(tcp(), "https").contains("must be plain or tls"));
    assert!(refused(tcp(), "tls").contains("needs tls.certificate"));
    let datagrams = OwnedFd::from(UnixDatagram::unbound().unwrap());
    assert!(refused(datagrams, "plain").contains("neither TCP"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert!(refused(connection.into(), "plain").contains("does not listen"));
}

fn run_shell(mut shell: Command) -> std::process::Output {
    shell.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn a_restart_with_sockets_from_systemd_loses_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let start = || {
        let mut command = binary(&folder.path().join("data"));
        command.arg("serve");
        let socket = OwnedFd::from(socket.try_clone().unwrap());
        running(activated(&mut command, (socket, None), "appmixer-server.socket"))
    };
    let (stop, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    let ask = || {
        let mut connection = TcpStream::connect(address)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        // As over a network: the request comes a little after the connection.
        thread::sleep(Duration::from_millis(2));
        connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes)?;
        Answer::parse(&bytes).ok_or_else(|| std::io::Error::other("no answer"))
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut failures = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        match ask() {
                            Ok(answer) if answer.status == 200 => {
                                answers.fetch_add(1, Ordering::Relaxed);
                            }
                            Ok(answer) => failures.push(answer.head),
                            Err(error) => failures.push(error.to_string()),
                        }
                    }
                    failures
                })
            })
            .collect();
        for _ in 0..3 {
            let before = answers.load(Ordering::Relaxed);
            let server = start();
            eventually(|| answers.load(Ordering::Relaxed) > before + 20);
            server.stop();
        }
        let last = start();
        stop.store(true, Ordering::Relaxed);
        let failures = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        last.stop();
        failures
    });
    assert_eq!(failures, Vec::<String>::new(), "after {} answers", answers.load(Ordering::Relaxed));
}

#[test]
fn systemd_is_told_when_the_server_is_ready_that_it_lives_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    };
    let mut command = binary(&folder.path().join("data"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path);
    command.env("WATCHDOG_USEC", "300000").stderr(Stdio::null());
    let mut child = Ended(command.spawn().unwrap());
    let mut all = vec![told()];
    while !all.iter().any(|line| line == "READY=1")
        || all.iter().filter(|line| *line == "WATCHDOG=1").count() < 3
    {
        all.push(told());
    }
    Command::new("kill").arg("-TERM").arg(child.0.id().to_string()).status().unwrap();
    while told() != "STOPPING=1" {}
    let (done, end) = mpsc::channel();
    thread::spawn(move || done.send(child.0.wait().unwrap().success()));
    assert!(end.recv_timeout(PATIENCE).unwrap());
}

#[test]
fn all_ways_in_share_one_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("appmixer.sock");
    let server = TestServer::with(&[
        ("APPMIXER_LISTEN_UNIX", &path.display().to_string()),
        ("APPMIXER_HTTP__MAX_CONNECTIONS", "4"),
    ]);
    address_of_unix(&server);
    let _ = address_of(&server, "http");
    // Each has been answered, and so been accepted.
    let take = |_| {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 15]).unwrap();
        stream
    };
    let taken: Vec<_> = (0..4).map(take).collect();
    let ask = || server.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(ask().unwrap().status, 503);
    let mut one_more = UnixStream::connect(&path).unwrap();
    let mut told = String::new();
    one_more.read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 503"), "{told}");
    drop(taken);
    eventually(|| ask().is_ok_and(|answer| answer.status == 200));
    server.assert_well();
}

#[test]
fn an_address_may_be_a_host_name_or_a_port_alone() {
    for (listen, address) in [("localhost:0", "127.0.0.1:"), (":0", "0.0.0.0:"), ("0", "127.0.0.1:")] {
        let server = TestServer::with(&[("APPMIXER_LISTEN", listen)]);
        assert!(server.address.starts_with(address), "{listen}: {}", server.address);
    }
}
