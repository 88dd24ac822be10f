//! The gateway behind a load balancer that is set up as an example of `deploy/` says.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use appmixer_testbed::Haproxy;
use serde_json::json;

use crate::gateway::serve;
use crate::support::{Answer, PATIENCE, eventually};
use crate::upstream::Upstream;

fn ask(address: &str, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
    let mut connection = TcpStream::connect(address).ok()?;
    connection.set_read_timeout(Some(PATIENCE)).ok()?;
    let fields: String = headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    let start = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    write!(connection, "{start}{fields}\r\n").ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).ok()?;
    Answer::parse(&answer)
}

#[test]
fn a_client_of_haproxy_takes_off_nothing_that_the_gateway_sets() {
    let upstream = Upstream::start();
    let trusted = [("APPMIXER_HTTP__TRUSTED_PROXIES", "127.0.0.1")];
    let server = serve(&json!({"/flows": {"to": [upstream.url()]}}), &trusted);
    let token = server.user("joe@acme");
    let id = server.get("/user", &token).text("id");
    let proxy = Haproxy::before([&server.address; 3]);
    eventually(|| ask(&proxy.address(), "/readyz", &[]).is_some_and(|answer| answer.status == 200));
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Connection", "X-User-Id, X-User-Scope, X-User-Name, X-Forwarded-For, X-Forwarded-Proto"),
        ("X.User.Id", "root"),
        ("X_User_Scope", "admin"),
        ("X-HTTP-Method-Override", "DELETE"),
    ];
    ask(&proxy.address(), "/flows/1", &headers).unwrap().expect(200);
    let seen = upstream.seen().pop().unwrap();
    let got = seen["headers"].as_object().unwrap();
    assert_eq!((&got["x-user-id"], &got["x-user-scope"]), (&json!(id), &json!("user")));
    assert_eq!(got["x-user-name"], "joe@acme");
    assert_eq!(got["x-forwarded-for"], "127.0.0.1, 127.0.0.1");
    for name in ["x.user.id", "x_user_scope", "x-http-method-override"] {
        assert!(!got.contains_key(name), "{got:?}");
    }
    server.assert_well();
}
