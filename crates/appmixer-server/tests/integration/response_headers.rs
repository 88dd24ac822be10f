//! What answers say about caches, codings and other origins.

use crate::support::TestServer;

#[test]
fn no_cache_keeps_what_the_server_says_of_its_state() {
    let server = TestServer::start();
    for path in ["/", "/healthz", "/readyz"] {
        for method in ["GET", "HEAD"] {
            let answer = server.request(method, path, &[], b"").expect(200);
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
        }
    }
}

#[test]
fn the_reference_is_compressed_for_clients_that_prefer_it() {
    let server = TestServer::start();
    for path in ["/openapi.json", "/docs"] {
        let get = |method: &str, headers: &[(&str, &str)]| server.request(method, path, headers, b"");
        let plain = get("HEAD", &[]).expect(200);
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some("accept-encoding")));
        let packed = get("HEAD", &[("Accept-Encoding", "br;q=0.9, gzip;q=0.8")]).expect(200);
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert_eq!(packed.header("vary"), Some("accept-encoding"));
        let length = |answer: &crate::support::Answer| -> usize {
            answer.header("content-length").unwrap().parse().unwrap()
        };
        assert!(length(&packed) * 5 < length(&plain), "{path}: {} of {}", length(&packed), length(&plain));
        let (tag, other) = (packed.header("etag").unwrap(), plain.header("etag").unwrap());
        assert_ne!(tag, other);
        let gzip = ("Accept-Encoding", "gzip");
        let same = get("GET", &[gzip, ("If-None-Match", tag)]).expect(304);
        assert_eq!((same.body.as_str(), same.header("content-encoding")), ("", None));
        assert_eq!((same.header("etag"), same.header("vary")), (Some(tag), Some("accept-encoding")));
        get("HEAD", &[gzip, ("If-None-Match", other)]).expect(200);
        get("HEAD", &[("If-None-Match", tag)]).expect(200);
        for refused in ["gzip;q=0", "identity, gzip;q=0.5", "*;q=0", "deflate"] {
            let answer = get("HEAD", &[("Accept-Encoding", refused)]).expect(200);
            assert_eq!(answer.header("content-encoding"), None, "{refused}");
        }
    }
    let url = format!("http://{}/openapi.json", server.address);
    let output =
        std::process::Command::new("curl").args(["--silent", "--compressed", &url]).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
}

#[test]
fn scripts_may_send_the_headers_of_tracing_libraries_and_those_that_are_configured() {
    const DEFAULT: &str =
        "authorization, content-type, x-request-id, traceparent, tracestate, baggage, sentry-trace";
    let allowed = |server: &TestServer, path: &str| {
        let headers = [
            ("Origin", "https://app.example"),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "traceparent,baggage,sentry-trace"),
        ];
        let answer = server.request("OPTIONS", path, &headers, b"").expect(204);
        answer.header("access-control-allow-headers").map(str::to_owned)
    };
    let server = TestServer::start();
    assert_eq!(allowed(&server, "/user/auth").as_deref(), Some(DEFAULT));
    assert_eq!(allowed(&server, "/console/session"), None, "the console is for no other origin");
    let server = TestServer::with(&[("APPMIXER_HTTP__CORS_HEADERS", "X-Client-Version,X-Tenant")]);
    let both = format!("{DEFAULT}, x-client-version, x-tenant");
    assert_eq!(allowed(&server, "/user"), Some(both));
}
