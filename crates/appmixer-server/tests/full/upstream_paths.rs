//! Real servers behind the gateway: whatever spelling of a path reaches a protected handler needs the token.

use std::io::{Read as _, Write as _};
use std::iter;
use std::net::TcpStream;
use std::path::PathBuf;

use appmixer_testbed::{PathServer, spelling};

use crate::support::{Answer, TestServer};

/// Spellings that one server or another takes for `/pub/admin`, or that make many take them for it.
const SPELLINGS: &[&str] = &[
    "/pub/admin",
    "/pub/admin/",
    "/pub/admin/1",
    "/PUB/ADMIN/1",
    "/pub/%61dmin/1",
    "/pub//admin/1",
    "//pub/admin",
    "/pub/./admin",
    "/pub/x/../admin/1",
    "/pub/%2e/admin/1",
    "/pub/x/%2e%2e/admin/1",
    "/pub/x/..%2fadmin",
    "/pub%2fadmin/1",
    "/pub%2Fadmin",
    "/x/../pub/admin",
    "/pub/admin;x/1",
    "/pub/;x/admin/1",
    "/pub/x/..;/admin/1",
    "/pub/admin%3fx",
    "/pub/admin%23x",
    "/pub/admin%00",
    "/pub/admin.",
    "/pub/admin%20",
    "/pub/admin.php",
    "/pub/admin/index.php/x",
    "/pub/secret",
    "/pub/secret.php",
    "/pub/secret.php/x",
    "/pub/secret/x",
    "/pub/%73ecret",
    "/old/pub/secret.php",
    "/old/pub/secret.php%3fx",
    "/pub/../old/pub/secret.php%3fx",
    "/old/pub/admin/1.php%3F",
    "/pub/%252e%252e/pub/admin",
    "/pub\\admin",
    "/pub%5cadmin",
];

/// Sends a target as it is.
fn ask(address: &str, target: &str, token: Option<&str>) -> Option<Answer> {
    let mut connection = TcpStream::connect(address).unwrap();
    let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    let request = format!("GET {target} HTTP/1.1\r\nHost: test\r\n{token}Connection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    Answer::parse(&answer)
}

fn reaches(answer: Option<&Answer>) -> bool {
    answer.is_some_and(|answer| answer.body.contains("protected"))
}

/// The same four hundred each time.
fn generated() -> Vec<String> {
    let next = |random: &u32| Some(random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let random: Vec<_> =
        iter::successors(Some(1_u32), next).take(400 * 16).map(|random| random.to_be_bytes()[0]).collect();
    random.chunks(16).map(|choices| spelling("/pub/admin/1", choices)).collect()
}

/// `found` is how many spellings at least reach the handler of a server that nothing stands before.
fn needs_the_token(upstream: &PathServer, found: usize) {
    let to = format!("http://{}", upstream.address());
    let routes = format!(
        r#"{{"/":{{"to":["{to}"],"open":true}},"/pub":{{"to":["{to}"],"open":true}},
            "/pub/admin":{{"to":["{to}"]}},"/pub/secret.php":{{"to":["{to}"]}},"/old":{{"to":["{to}"]}}}}"#
    );
    let server = TestServer::with(&[("APPMIXER_GATEWAY__ROUTES", &routes)]);
    let token = server.user("joe@acme");
    let generated = generated();
    let targets = SPELLINGS.iter().copied().chain(generated.iter().map(String::as_str));
    let mut reached = 0;
    for target in targets {
        if !reaches(ask(&upstream.address(), target, None).as_ref()) {
            continue;
        }
        reached += 1;
        let answer = ask(&server.address, target, None);
        assert!(!reaches(answer.as_ref()), "{target}: {answer:?}");
    }
    assert!(reached >= found, "{reached}\n{}", upstream.log());
    for target in ["/pub/admin", "/pub/admin/"] {
        let answer = ask(&server.address, target, Some(&token));
        let is_there = reaches(answer.as_ref()) || answer.as_ref().is_some_and(|answer| answer.status == 301);
        assert!(is_there, "{target}: {answer:?}\n{}", upstream.log());
    }
    assert!(!reaches(ask(&server.address, "/pub/x", None).as_ref()));
    server.assert_well();
}

#[test]
fn nginx_is_reached_at_a_protected_path_with_the_token_alone() {
    needs_the_token(&PathServer::nginx(), 20);
}

#[test]
fn apache_with_php_is_reached_at_a_protected_path_with_the_token_alone() {
    needs_the_token(&PathServer::apache(), 20);
}

#[test]
fn express_is_reached_at_a_protected_path_with_the_token_alone() {
    let folder = std::env::var_os("APPMIXER_TEST_EXPRESS").map(PathBuf::from);
    let folder = folder.expect("APPMIXER_TEST_EXPRESS is not set: run `cargo xtask test --full`");
    needs_the_token(&PathServer::express(&folder), 5);
}
