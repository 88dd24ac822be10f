//! The API's own description: the document for programs and the page for people.

use crate::python::{module, python};
use crate::support::{TestServer, run};

#[test]
fn the_document_and_the_page_are_open_and_kept_by_clients_until_they_change() {
    let server = TestServer::start();
    for (path, content_type) in [
        ("/openapi.json", "application/json; charset=utf-8"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/style.css", "text/css; charset=utf-8"),
    ] {
        let answer = server.request("GET", path, &[], b"").expect(200);
        assert_eq!(answer.header("content-type"), Some(content_type));
        let tag = answer.header("etag").unwrap();
        let again = server.request("GET", path, &[("If-None-Match", tag)], b"").expect(304);
        assert_eq!((again.header("etag"), again.body.as_str()), (Some(tag), ""));
        assert!(again.header("x-request-id").is_some());
        let head = server.request("HEAD", path, &[], b"").expect(200);
        assert_eq!((head.header("etag"), head.body.as_str()), (Some(tag), ""));
        server.request("POST", path, &[], b"").error(405);
    }
    server.assert_well();
}

#[test]
fn the_page_may_load_nothing_but_its_own_style() {
    let server = TestServer::start();
    let page = server.request("GET", "/docs", &[], b"").expect(200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains("<script") && !page.body.contains("<style"));
    assert!(page.body.contains(r#"<link rel="stylesheet" href="/docs/style.css">"#));
}

#[test]
fn the_document_tells_the_operators_own_rule() {
    let server = TestServer::with(&[("APPMIXER_PASSWORD__MIN_LENGTH", "11")]);
    let document = server.request("GET", "/openapi.json", &[], b"").expect(200).json();
    assert_eq!(document["components"]["schemas"]["NewPassword"]["minLength"], 11);
    assert_eq!(document["openapi"], "3.1.1");
}

#[test]
fn the_document_is_valid_openapi() {
    let Some(python) = python() else { return };
    let server = TestServer::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, server.request("GET", "/openapi.json", &[], b"").expect(200).body).unwrap();
    let mut command = module(&python, "openapi_spec_validator");
    command.args(["--schema", "3.1"]).arg(&file);
    let output = run(command, "");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("OK"), "{text}");
}
