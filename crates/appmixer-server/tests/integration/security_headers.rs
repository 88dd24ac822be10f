//! What answers tell browsers for safety's sake.

use crate::support::TestServer;

#[test]
fn every_answer_is_taken_for_what_it_is_and_pages_have_a_policy() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    let bearer = format!("Bearer {token}");
    let authorized = [("Authorization", bearer.as_str())];
    let tag = server.request("GET", "/openapi.json", &[], b"").header("etag").unwrap().to_owned();
    let known = [("If-None-Match", tag.as_str())];
    for (method, path, headers, status) in [
        ("GET", "/", &[][..], 200),
        ("GET", "/user", &authorized, 200),
        ("GET", "/user", &[], 401),
        ("GET", "/users", &authorized, 403),
        ("GET", "/nowhere", &[], 404),
        ("DELETE", "/user", &[], 405),
        ("OPTIONS", "/user", &[], 204),
        ("HEAD", "/healthz", &[], 200),
        ("POST", "/user", &[], 400),
        ("GET", "/openapi.json", &known, 304),
        ("GET", "/docs", &[], 200),
    ] {
        let answer = server.request(method, path, headers, b"").expect(status);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {path}");
        // Nothing that tells an attacker what to try.
        assert_eq!((answer.header("server"), answer.header("x-powered-by")), (None, None));
        let policy = answer.header("content-security-policy");
        assert_eq!(policy.is_some(), path == "/docs", "{method} {path}: {policy:?}");
    }
    let page = server.request("GET", "/docs", &[], b"");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
}
