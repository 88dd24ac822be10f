//! What is forwarded, to whom, and what the upstream is told.

use std::io::{Read as _, Write as _};

use appmixer_testbed::Port;
use serde_json::{Value, json};

use crate::receivers::{Certificate, NOT_LISTED};
use crate::support::{Answer, TestServer, eventually};
use crate::upstream::Upstream;

/// A server with these routes.
pub(crate) fn serve(routes: &Value, settings: &[(&str, &str)]) -> TestServer {
    let routes = routes.to_string();
    let mut all = vec![("APPMIXER_GATEWAY__ROUTES", routes.as_str())];
    all.extend(settings);
    TestServer::with(&all)
}

/// The only request that the upstream has got.
#[track_caller]
fn the_one(upstream: &Upstream) -> Value {
    let mut seen = upstream.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.remove(0)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn what_is_forwarded_tells_who_asks_and_the_answer_comes_back() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/flows": {"to": [upstream.url()]}}), &[]);
    let token = server.user("joe@acme");
    let id = server.get("/user", &token).text("id");
    let authorization = bearer(&token);
    let headers = [
        ("Authorization", authorization.as_str()),
        ("X-Request-Id", "from-the-client"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("Content-Type", "text/plain"),
    ];
    let answer = server.request("POST", "/flows/1/status?code=418&a=%2F", &headers, b"hello").expect(418);
    assert_eq!((answer.body.as_str(), answer.header("x-upstream")), ("as you like it", Some("yes")));
    assert_eq!(answer.header("x-request-id"), Some("from-the-client"));
    assert_eq!(answer.header("content-length"), Some("14"));
    assert_eq!(answer.header("x-content-type-options"), None, "the service's own matter");
    let seen = the_one(&upstream);
    assert_eq!((&seen["method"], &seen["length"]), (&json!("POST"), &json!(5)));
    assert_eq!(seen["target"], "/flows/1/status?code=418&a=%2F");
    let told = &seen["headers"];
    for (name, value) in [
        ("x-user-id", id.as_str()),
        ("x-user-scope", "user"),
        ("x-user-name", "joe@acme"),
        ("authorization", &authorization),
        ("host", &upstream.address),
        ("x-request-id", "from-the-client"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("content-length", "5"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "test"),
        ("forwarded", "for=127.0.0.1;host=\"test\";proto=http"),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    assert!(told["via"].as_str().unwrap().starts_with("1.1 appmixer-"), "{told}");
    assert!(told.get("connection").is_none(), "{told}");
    server.assert_well();
}

#[test]
fn nothing_reaches_the_upstream_without_a_good_token_and_the_rules_leave() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/flows": {"to": [upstream.url()]}, "/files": {"to": [upstream.url()]}}), &[]);
    let (admin, token) = (server.admin(), server.user("joe@acme"));
    let missing = server.request("GET", "/flows", &[], b"");
    assert_eq!(missing.header("www-authenticate"), Some("bearer realm=\"appmixer\""));
    assert_eq!(missing.error(401), "Missing authentication");
    server.get("/flows", "nonsense").error(401);
    let rules = r#"[{"role":"user","resource":"flows","action":["read"]},{"role":"admin","resource":"flows","action":["*"]},{"role":"admin","resource":"files","action":["*"]}]"#;
    server.post_as(&admin, "/acl/routes", rules).expect(200);
    server.get("/flows/1", &token).expect(200);
    server.delete_as(&token, "/flows/1").error(403);
    server.get("/files/1", &token).error(403);
    server.delete_as(&admin, "/flows/1").expect(200);
    server.post_as(&token, "/user/sign-out-everywhere", "").expect(200);
    server.get("/flows/1", &token).error(401);
    assert_eq!(upstream.count(), 2);
    server.assert_well();
}

#[test]
fn own_routes_come_first_and_what_is_below_no_prefix_is_nowhere() {
    let (all, flows) = (Upstream::start(), Upstream::start());
    let server = serve(&json!({"/": {"to": [all.url()]}, "/flows": {"to": [flows.url()]}}), &[]);
    let token = server.user("joe@acme");
    assert_eq!(server.get("/user", &token).text("username"), "joe@acme");
    server.request("GET", "/", &[], b"").expect(200);
    server.request("DELETE", "/user/auth", &[], b"").error(405);
    assert_eq!(all.count() + flows.count(), 0);
    server.get("/flows/1", &token).expect(200);
    server.get("/%66lows/1", &token).expect(200);
    server.get("/flowsheets/1", &token).expect(200);
    assert_eq!((flows.count(), all.count()), (2, 1));
    // Another case is another path, but no other spelling of the server's own paths is forwarded.
    server.get("/Flows/1", &token).expect(200);
    assert_eq!((flows.count(), all.count()), (2, 2));
    for path in ["/User", "/user/", "/%75ser", "/users/1/", "/user./auth", "/AUTH/verify/flows"] {
        server.get(path, &token).error(404);
    }
    assert_eq!((flows.count(), all.count()), (2, 2));
    let alone = serve(&json!({"/flows": {"to": [flows.url()]}}), &[]);
    alone.request("GET", "/files", &[], b"").error(404);
}

#[test]
fn an_open_route_asks_for_no_token_and_passes_on_what_it_gets() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/hooks": {"to": [upstream.url()], "open": true}}), &[]);
    let headers = [("Authorization", "Basic am9lOng="), ("X-User-Id", "root"), ("X_User_Name", "root")];
    server.request("GET", "/hooks/1", &headers, b"").expect(200);
    let told = &the_one(&upstream)["headers"];
    assert_eq!(told["authorization"], "Basic am9lOng=");
    assert!(told.get("x-user-id").is_none() && told.get("x_user_name").is_none(), "{told}");
    server.request("GET", "/hooks//1", &[], b"").error(400);
}

#[test]
fn a_route_changes_path_host_and_authorization_as_it_is_told() {
    let upstream = Upstream::start();
    let route = json!({
        "to": [format!("{}/base/", upstream.url())],
        "strip_prefix": true, "preserve_host": true, "pass_authorization": false,
    });
    let server = serve(&json!({"/api/v1": route}), &[]);
    let token = server.user("joe@acme");
    server.get("/api/v1/flows/a%20b?x=1", &token).expect(200);
    server.get("/api/%761", &token).expect(200);
    let seen = upstream.seen();
    assert_eq!(seen[0]["target"], "/base/flows/a%20b?x=1");
    assert_eq!(seen[1]["target"], "/base/");
    let told = &seen[0]["headers"];
    assert_eq!((&told["host"], &told["x-forwarded-prefix"]), (&json!("test"), &json!("/api/v1")));
    assert!(told.get("authorization").is_none());
    assert_eq!(told["x-user-name"], "joe@acme");
}

#[test]
fn a_path_that_can_be_read_in_two_ways_is_refused_before_anybody_is_asked() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/": {"to": [upstream.url()]}}), &[]);
    let token = server.user("joe@acme");
    for path in [
        "/flows/../admin",
        "/flows/%2e%2e/admin",
        "//flows",
        "/flows//1",
        "/flows/./1",
        "/flows%2fadmin",
        "/flows/..%5cadmin",
        "/flows/%252e%252e/admin",
        "/flows/%00",
        "/flows;admin/1",
    ] {
        let message = server.get(path, &token).error(400);
        assert_eq!(message, "The path can be read in more than one way", "{path}");
    }
    assert_eq!(upstream.count(), 0);
    server.assert_well();
}

#[test]
fn a_client_cannot_speak_for_the_gateway() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/flows": {"to": [upstream.url()]}}), &[]);
    let token = server.user("joe@acme");
    let id = server.get("/user", &token).text("id");
    let authorization = bearer(&token);
    let headers = [
        ("Authorization", authorization.as_str()),
        ("X-User-Id", "5f0000000000000000000000"),
        ("x_user_id", "5f0000000000000000000000"),
        ("X-User-Scope", "admin"),
        ("X-User-Role", "admin"),
        ("Connection", "x-user-id, x-forwarded-for, authorization, x-request-id"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Real-IP", "10.0.0.1"),
        ("Forwarded", "for=10.0.0.1"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("TE", "trailers, deflate"),
        ("Keep-Alive", "timeout=1"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
    ];
    server.request("GET", "/flows/1", &headers, b"").expect(200);
    let seen = the_one(&upstream);
    let told = &seen["headers"];
    assert_eq!((&told["x-user-id"], &told["x-user-scope"]), (&json!(id), &json!("user")));
    assert_eq!((&told["x-forwarded-for"], &told["x-forwarded-proto"]), (&json!("127.0.0.1"), &json!("http")));
    assert_eq!(told["authorization"], authorization);
    for name in ["x_user_id", "x-user-role", "x-real-ip", "proxy-authorization", "keep-alive", "upgrade"] {
        assert!(told.get(name).is_none(), "{name}: {told}");
    }
    assert_eq!((&told["te"], &told["connection"]), (&json!("trailers"), &json!("te")));
    // What would come back is what the upstream alone is told.
    server.request("TRACE", "/flows/1", &headers[..1], b"").error(405);
    assert_eq!(upstream.count(), 1);
    server.assert_well();
}

#[test]
fn proxies_in_front_are_believed_and_added_to() {
    let upstream = Upstream::start();
    let trusted = [("APPMIXER_HTTP__TRUSTED_PROXIES", "127.0.0.1")];
    let server = serve(&json!({"/hooks": {"to": [upstream.url()], "open": true}}), &trusted);
    let headers = [
        ("X-Forwarded-For", "198.51.100.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "shop.example"),
        ("X-User-Id", "root"),
    ];
    server.request("GET", "/hooks", &headers, b"").expect(200);
    let told = &the_one(&upstream)["headers"];
    assert_eq!(told["x-forwarded-for"], "198.51.100.7, 127.0.0.1");
    assert_eq!(
        (&told["x-forwarded-proto"], &told["x-forwarded-host"]),
        (&json!("https"), &json!("shop.example"))
    );
    assert!(told.get("x-user-id").is_none());
}

#[test]
fn a_request_that_comes_back_is_a_loop() {
    // The first has only the second behind it, and that one only the first.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let second = serve(&json!({"/": {"to": [format!("http://{port}")], "open": true}}), &[]);
    let first = serve(
        &json!({"/": {"to": [format!("http://{}", second.address)], "open": true}}),
        &[("APPMIXER_LISTEN", &port)],
    );
    assert_eq!(first.request("GET", "/x", &[], b"").error(508), "The request goes in circles");
}

#[test]
fn what_is_for_one_connection_ends_with_it() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/flows": {"to": [upstream.url()]}}), &[]);
    let token = server.user("joe@acme");
    let answer = server.get("/flows/hops", &token).expect(200);
    for name in ["x-hop", "keep-alive", "proxy-authenticate", "transfer-encoding"] {
        assert_eq!(answer.header(name), None, "{}", answer.head);
    }
    assert_eq!((answer.header("x-kept"), answer.header("content-length")), (Some("1"), Some("4")));
    assert_eq!(answer.head.matches("set-cookie:").count(), 2);
    let head = server.request("HEAD", "/flows/hops", &[("Authorization", &bearer(&token))], b"").expect(200);
    assert_eq!((head.header("content-length"), head.body.as_str()), (Some("4"), ""));
    for code in [204, 304] {
        let answer = server.get(&format!("/flows/status?code={code}"), &token).expect(code);
        assert_eq!(answer.body, "");
    }
}

#[test]
fn connections_to_the_upstream_are_used_again() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/flows": {"to": [upstream.url()]}}), &[]);
    let token = server.user("joe@acme");
    for _ in 0..20 {
        server.get("/flows/1", &token).expect(200);
    }
    assert!(upstream.connections() < 4, "{}", upstream.connections());
}

#[test]
fn an_upstream_with_tls_is_verified() {
    let certificate = Certificate::of_openssl();
    let upstream = Upstream::secure(certificate.server_config().as_ref().clone());
    let url = format!("https://{}", upstream.address);
    let trusting =
        serve(&json!({"/flows": {"to": [url]}}), &[("APPMIXER_GATEWAY__CA_FILE", &certificate.file())]);
    trusting.get("/flows/1", &trusting.user("joe@acme")).expect(200);
    let wary = serve(&json!({"/flows": {"to": [url]}}), &[]);
    let answer = wary.get("/flows/1", &wary.user("joe@acme"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    answer.error(502);
    assert_eq!(upstream.count(), 1);
    // The log says why.
    eventually(|| wary.log().contains(NOT_LISTED));
}

#[test]
fn scripts_of_other_origins_may_ask_what_their_users_may() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/flows": {"to": [upstream.url()]}}), &[]);
    let token = server.user("joe@acme");
    let asks = [
        ("Origin", "https://app.example"),
        ("Access-Control-Request-Method", "PATCH"),
        ("Access-Control-Request-Headers", "authorization, x-own"),
    ];
    let answer = server.request("OPTIONS", "/flows/1", &asks, b"").expect(204);
    assert_eq!(answer.header("access-control-allow-methods"), Some("patch"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization, x-own"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    // Without that question it is a request as any other.
    server.request("OPTIONS", "/flows/1", &[], b"").error(401);
    assert_eq!(server.get("/flows/1", &token).header("access-control-allow-origin"), Some("*"));
    assert_eq!(upstream.count(), 1);
}

#[test]
fn bodies_that_are_too_large_are_refused_in_either_direction() {
    let upstream = Upstream::start();
    let route = json!({"to": [upstream.url()], "max_request_body": 1000, "max_answer_body": 1000});
    let server = serve(&json!({"/flows": route}), &[]);
    let token = server.user("joe@acme");
    let authorization = bearer(&token);
    let headers = [("Authorization", authorization.as_str())];
    server.request("POST", "/flows/1", &headers, &[b'x'; 1000]).expect(200);
    let message = server.request("POST", "/flows/1", &headers, &[b'x'; 1001]).error(413);
    assert_eq!(message, "The request body is larger than 1000 bytes");
    // Without a length it shows on the way.
    let piece = "x".repeat(600);
    let chunked = format!(
        "POST /flows/1 HTTP/1.1\r\nHost: test\r\nAuthorization: {authorization}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n258\r\n{piece}\r\n258\r\n{piece}\r\n0\r\n\r\n"
    );
    server.raw(chunked.as_bytes()).unwrap().error(413);
    server.get("/flows/big?bytes=1000", &token).expect(200);
    server.get("/flows/big?bytes=1001", &token).error(502);
    server.assert_well();
}

#[test]
fn what_an_upstream_fails_in_is_told_apart() {
    let upstream = Upstream::start();
    let gone = Port::reserve();
    let routes = json!({
        "/flows": {"to": [upstream.url()]},
        "/flows/slow": {"to": [upstream.url()], "head_timeout": "200ms"},
        "/gone": {"to": [format!("http://{}", gone.address())]},
    });
    let server = serve(&routes, &[]);
    let token = server.user("joe@acme");
    assert_eq!(
        server.get("/flows/slow", &token).error(504),
        "The service behind this path did not answer in time"
    );
    let message = server.post_as(&token, "/flows/dies", "{}").error(502);
    assert_eq!(message, "The service behind this path did not answer as it should");
    let answer = server.get("/gone", &token);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.error(502), "The service behind this path cannot be reached");
    // In the middle of an answer all that is left is to end the connection.
    let mut connection = server.connect();
    let request =
        format!("GET /flows/breaks HTTP/1.1\r\nHost: test\r\nAuthorization: {}\r\n\r\n", bearer(&token));
    connection.write_all(request.as_bytes()).unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"half of it") {
        let mut buffer = [0; 1024];
        let read = connection.read(&mut buffer).unwrap();
        text.extend_from_slice(&buffer[..read]);
    }
    upstream.go_on();
    assert_eq!(connection.read(&mut [0]).unwrap_or(0), 0, "the end, and nothing that looks like more");
    let answer = Answer::parse(&text).unwrap();
    assert_eq!((answer.header("content-length"), answer.body.as_str()), (Some("20"), "half of it"));
    server.get("/flows/1", &token).expect(200);
    server.assert_well();
}

#[test]
fn what_the_gateway_does_is_counted_and_logged() {
    let upstream = Upstream::start();
    let settings = [("APPMIXER_MANAGEMENT__LISTEN", "127.0.0.1:0"), ("APPMIXER_LOG__ACCESS", "true")];
    let port = Port::reserve();
    let gone = port.address();
    let routes = json!({"/flows": {"to": [upstream.url()]}, "/gone": {"to": [format!("http://{gone}")]}});
    let server = serve(&routes, &settings);
    let token = server.user("joe@acme");
    server.get("/flows/1", &token).expect(200);
    server.get("/gone/1", &token).error(502);
    let mut connection = std::net::TcpStream::connect(server.management()).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut page = String::new();
    connection.read_to_string(&mut page).unwrap();
    for line in [
        r#"appmixer_gateway_answers_total{route="/flows",status="2xx"} 1"#.to_owned(),
        r#"appmixer_gateway_failures_total{route="/gone",reason="unreachable"} 1"#.to_owned(),
        r#"appmixer_gateway_head_seconds_count{route="/flows"} 1"#.to_owned(),
        format!(r#"appmixer_gateway_upstream_up{{route="/flows",upstream="{}"}} 1"#, upstream.url()),
        format!(r#"appmixer_gateway_upstream_up{{route="/gone",upstream="http://{gone}"}} 0"#),
        format!(r#"appmixer_gateway_in_flight{{route="/flows",upstream="{}"}} 0"#, upstream.url()),
        r#"appmixer_http_requests_total{route="gateway",method="GET",status="502"} 1"#.to_owned(),
    ] {
        assert!(page.lines().any(|there| there == line), "{line}\n{page}");
    }
    eventually(|| {
        let log = server.log();
        log.contains(r#""route":"gateway","path":"/flows/1","status":200"#)
            && log.contains("an upstream does not work and is left alone")
    });
}
