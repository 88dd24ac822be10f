//! A service that knows nothing of tokens, behind proxies that ask `/auth/verify` first: real ones, each set up as the
//! example in `deploy/` says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use appmixer_testbed::Gatekeeper;

use crate::python::program;
use crate::support::{Answer, PATIENCE, TestServer, eventually};

/// May do anything with flows but delete them; nobody but administrators may do anything with stores.
const RULES: &str = r#"[{"role":"user","resource":"flows","action":["*","!delete"]},
    {"role":"admin","resource":"stores","action":["*"]}]"#;

/// A request as the service has got it.
#[derive(Clone, Debug)]
struct Got {
    line: String,
    headers: Vec<(String, String)>,
    body: usize,
}

impl Got {
    /// Every value of a header, whether its name is written with hyphens or with what some services take for one.
    fn all(&self, name: &str) -> Vec<&str> {
        let same = |other: &str| other.replace(|c: char| !c.is_ascii_alphanumeric(), "-") == name;
        self.headers.iter().filter(|(other, _)| same(other)).map(|(_, value)| value.as_str()).collect()
    }
}

/// The service: it answers everything with 200, and notes it. Its thread ends with the tests' process.
struct Service {
    address: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let got = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&got);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let notes = Arc::clone(&notes);
                thread::spawn(move || serve(connection, &notes));
            }
        });
        Self { address, got }
    }

    /// What it has got since it was asked last.
    fn take(&self) -> Vec<Got> {
        std::mem::take(&mut self.got.lock().unwrap())
    }
}

/// One request on each connection. `None` if there was none: proxies connect to see whether somebody is there.
fn serve(connection: TcpStream, notes: &Mutex<Vec<Got>>) -> Option<()> {
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(connection);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |line: &String| {
        line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
    };
    let headers: Vec<_> = lines.iter().skip(1).filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    notes.lock().unwrap().push(Got { line: lines[0].clone(), headers, body: body.len() });
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nservice";
    reader.get_mut().write_all(answer.as_bytes()).ok()
}

/// A request through a proxy, byte for byte.
fn ask(proxy: &Gatekeeper, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let host = proxy.address();
    let mut bytes = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        write!(bytes, "{name}: {value}\r\n").unwrap();
    }
    write!(bytes, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
    bytes.extend_from_slice(body);
    let mut connection = TcpStream::connect(proxy.address()).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(&bytes).unwrap();
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    Answer::parse(&answer)
        .unwrap_or_else(|| panic!("{line}: {:?}\n{}", String::from_utf8_lossy(&answer), proxy.log()))
}

/// Everything that the documentation promises of a proxy that is set up as it says.
fn guards(start: impl FnOnce(&str, &str) -> Gatekeeper) {
    let (mut server, service) = (TestServer::start(), Service::start());
    let (admin, joe) = (server.admin(), server.user("Joe+x@Größe"));
    let id = server.get("/user", &joe).text("id");
    server.post_as(&admin, "/acl/routes", RULES).expect(200);
    let proxy = start(&server.address, &service.address);
    // Traefik listens before it has read what it has to do.
    eventually(|| ask(&proxy, "GET /others", &[], b"").status != 404);
    let bearer = format!("Bearer {joe}");
    let token = ("Authorization", bearer.as_str());

    only_good_tokens_pass(&proxy, &service, token);
    the_service_hears_who_it_is_from_the_proxy_alone(&proxy, &service, token, &id);
    a_client_takes_off_nothing_that_the_proxy_sets(&proxy, &service, token, &id);
    other_methods_paths_and_users_end_at_the_proxy(&proxy, &service, token);
    the_rules_about_routes_count(&proxy, &service, token);
    preflights_pass(&proxy, &service, token);

    server.post_as(&joe, "/user/sign-out-everywhere", "").expect(200);
    ask(&proxy, "GET /others", &[token], b"").error(401);
    server.assert_well();
    server.signal("TERM");
    server.wait();
    let answer = ask(&proxy, "GET /others", &[token], b"");
    assert!(answer.status >= 500, "{}", answer.head);
    assert!(service.take().is_empty(), "without the server nothing is passed on");
}

fn only_good_tokens_pass(proxy: &Gatekeeper, service: &Service, token: (&str, &str)) {
    for (headers, challenge) in [
        (&[][..], r#"bearer realm="appmixer""#),
        (&[("Authorization", "Bearer nonsense")], r#"bearer realm="appmixer", error="invalid_token""#),
        (&[("Authorization", "Basic am9lOng=")], r#"bearer realm="appmixer", error="invalid_token""#),
    ] {
        let answer = ask(proxy, "GET /others", headers, b"");
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{}", answer.head);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{}", answer.head);
        answer.error(401);
    }
    assert!(service.take().is_empty());

    let body = vec![b'x'; 200_000];
    assert_eq!(ask(proxy, "POST /others/1?a=b%20c", &[token], &body).expect(200).body, "service");
    let got = &service.take()[0];
    assert_eq!((got.line.as_str(), got.body), ("POST /others/1?a=b%20c HTTP/1.1", body.len()));
}

fn the_service_hears_who_it_is_from_the_proxy_alone(
    proxy: &Gatekeeper,
    service: &Service,
    token: (&str, &str),
    id: &str,
) {
    let forged = [
        token,
        ("X-User-Id", "000000000000000000000000"),
        ("x-user-scope", "admin"),
        ("X-User-Scope", "root"),
        ("X-USER-NAME", "root@acme"),
    ];
    ask(proxy, "GET /others", &forged, b"").expect(200);
    let underscores = [token, ("X_User_Id", "0"), ("X-User_Scope", "admin"), ("x_user-name", "root@acme")];
    // Dropped or refused.
    let status = ask(proxy, "GET /others", &underscores, b"").status;
    let got = service.take();
    assert_eq!(got.len(), if status == 200 { 2 } else { 1 });
    for got in got {
        assert_eq!(got.all("x-user-id"), [id], "{got:?}");
        assert_eq!(got.all("x-user-scope"), ["user"], "{got:?}");
        assert_eq!(got.all("x-user-name"), ["Joe+x@Gr%C3%B6%C3%9Fe"], "{got:?}");
    }
    // Which of the two would the service look at?
    let twice = [token, ("Authorization", "Bearer another")];
    assert!(ask(proxy, "GET /others", &twice, b"").status >= 400);
    assert!(service.take().is_empty());
}

fn a_client_takes_off_nothing_that_the_proxy_sets(
    proxy: &Gatekeeper,
    service: &Service,
    token: (&str, &str),
    id: &str,
) {
    for listed in ["X-User-Id, X-User-Scope, X-User-Name", "keep-alive, x-user-id, x-user-scope, x-user-name"]
    {
        let headers = [
            token,
            ("Connection", listed),
            ("X.User.Id", "000000000000000000000000"),
            ("X.User-Scope", "admin"),
            ("x-user.name", "root@acme"),
        ];
        ask(proxy, "GET /others", &headers, b"").expect(200);
        let got = &service.take()[0];
        assert_eq!(got.all("x-user-id"), [id], "{got:?}");
        assert_eq!(got.all("x-user-scope"), ["user"], "{got:?}");
        assert_eq!(got.all("x-user-name"), ["Joe+x@Gr%C3%B6%C3%9Fe"], "{got:?}");
    }
}

fn other_methods_paths_and_users_end_at_the_proxy(
    proxy: &Gatekeeper,
    service: &Service,
    token: (&str, &str),
) {
    for header in [
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-HTTP-Method", "DELETE"),
        ("X-Method-Override", "DELETE"),
        ("X-Original-URL", "/stores"),
        ("X-Rewrite-URL", "/stores"),
        ("Remote-User", "root@acme"),
        ("X-Remote-User", "root@acme"),
        ("Proxy", "http://evil.example"),
    ] {
        ask(proxy, "POST /flows/1", &[token, header], b"").expect(200);
        let got = &service.take()[0];
        assert!(got.all(&header.0.to_lowercase()).is_empty(), "{got:?}");
    }
}

fn the_rules_about_routes_count(proxy: &Gatekeeper, service: &Service, token: (&str, &str)) {
    for line in ["GET /flows/1", "POST /flows?x=/stores", "OPTIONS /flows", "DELETE /others/1"] {
        ask(proxy, line, &[token], b"").expect(200);
    }
    assert_eq!(service.take().len(), 4);

    // Whatever the client says of what it asks.
    for claim in [
        &[][..],
        &[("X-Original-Method", "GET"), ("X-Original-URI", "/others")],
        &[("X-Original-Method", "GET"), ("X-Original-URL", "http://api.acme.test/others")],
        &[("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/others")],
        &[("X-HTTP-Method-Override", "GET")],
    ] {
        for line in ["DELETE /flows/1", "DELETE /%66lows/1", "GET /stores"] {
            let answer = ask(proxy, line, &[&[token], claim].concat(), b"");
            assert!(answer.header("www-authenticate").is_none(), "{}", answer.head);
            answer.error(403);
        }
    }
    assert!(service.take().is_empty());

    // Refused; or passed on as what it has been taken for, which is allowed.
    for path in [
        "/others/../stores",
        "/others/%2e%2e/stores",
        "/others/.%2E/stores",
        "//stores",
        "/others//../../stores",
        "/others%2f..%2fstores",
        "/others/..%2fstores",
        "/others%5c..%5cstores",
        "/%2e/stores",
        "/./stores",
        "/stores%00",
        "/stores;x=y",
        "/%73tores",
    ] {
        let answer = ask(proxy, &format!("GET {path}"), &[token], b"");
        assert!(matches!(answer.status, 400..=499), "{path}: {}", answer.head);
        assert!(service.take().is_empty(), "{path}");
    }
}

fn preflights_pass(proxy: &Gatekeeper, service: &Service, token: (&str, &str)) {
    let preflight = [
        ("Origin", "https://app.acme.test"),
        ("Access-Control-Request-Method", "DELETE"),
        ("X-User-Id", "000000000000000000000000"),
        ("X_User_Name", "root@acme"),
    ];
    // Of the other two, one is a name that Envoy refuses.
    ask(proxy, "OPTIONS /stores", &preflight[..3], b"").expect(200);
    let _ = ask(proxy, "OPTIONS /stores", &preflight, b"");
    for got in service.take() {
        assert!(got.line.starts_with("OPTIONS /stores"), "{got:?}");
        assert!(got.all("x-user-id").is_empty() && got.all("x-user-name").is_empty(), "{got:?}");
    }
    ask(proxy, "OPTIONS /stores", &preflight[..1], b"").error(401);
    ask(proxy, "DELETE /stores", &preflight[..3], b"").error(401);
    // With a token it is asked for as anything else.
    ask(proxy, "OPTIONS /stores", &[&[token], &preflight[..2]].concat(), b"").error(403);
    assert!(service.take().is_empty());
}

#[test]
fn nginx_passes_on_what_may_be_and_says_who_it_is() {
    guards(Gatekeeper::nginx);
}

#[test]
fn caddy_passes_on_what_may_be_and_says_who_it_is() {
    guards(Gatekeeper::caddy);
}

#[test]
fn traefik_passes_on_what_may_be_and_says_who_it_is() {
    let Some(traefik) = program("traefik") else { return };
    guards(|server, service| Gatekeeper::traefik(&traefik, server, service));
}

#[test]
fn envoy_passes_on_what_may_be_and_says_who_it_is() {
    let Some(envoy) = program("envoy") else { return };
    guards(|server, service| Gatekeeper::envoy(&envoy, server, service));
}
