//! Headers by which a client names another method, another path or another user than the request itself.

use serde_json::{Value, json};

use crate::gateway::serve;
use crate::support::TestServer;
use crate::upstream::Upstream;

/// Only administrators may delete flows or do anything with stores.
const RULES: &str = r#"[{"role":"user","resource":"flows","action":["read","create","update"]},
    {"role":"admin","resource":"flows","action":["*"]}, {"role":"admin","resource":"stores","action":["*"]}]"#;

const OVERRIDES: [(&str, &str); 7] = [
    ("X-HTTP-Method-Override", "DELETE"),
    ("X-HTTP-Method", "DELETE"),
    ("X_Method_Override", "DELETE"),
    ("X-Original-Method", "DELETE"),
    ("X-Original-URL", "/stores/1"),
    ("X-Rewrite-URL", "/stores/1"),
    ("X-Script-Name", "/stores"),
];

const IDENTITIES: [(&str, &str); 13] = [
    ("X-Webauth-User", "root"),
    ("X-Authenticated-User", "root"),
    ("X-Auth-Request-Email", "root@acme"),
    ("X-Forwarded-User", "root"),
    ("X_Forwarded_Groups", "admin"),
    ("X-Request_Id", "1"),
    ("True_Client_IP", "127.0.0.1"),
    ("Remote-User", "root"),
    ("Remote_Groups", "admin"),
    ("X.User.Id", "root"),
    ("X_User.Scope", "admin"),
    ("X-Remote-User", "root"),
    ("Proxy", "http://evil.example"),
];

/// The names of the headers of the last request that the upstream received.
fn received(upstream: &Upstream) -> Vec<String> {
    let seen: Value = upstream.seen().pop().unwrap();
    seen["headers"].as_object().unwrap().keys().cloned().collect()
}

fn has(names: &[String], header: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(header))
}

#[test]
fn headers_that_override_method_path_or_user_do_not_reach_the_upstream() {
    let upstream = Upstream::start();
    let server = serve(
        &json!({"/flows": {"to": [upstream.url()]}, "/open": {"to": [upstream.url()], "open": true}}),
        &[("APPMIXER_HTTP__TRUSTED_PROXIES", "127.0.0.1")],
    );
    let bearer = format!("Bearer {}", server.user("joe@acme"));
    let headers = [&[("Authorization", bearer.as_str())], &OVERRIDES[..], &IDENTITIES].concat();
    for path in ["/flows/1", "/open/1"] {
        server.request("POST", path, &headers, b"").expect(200);
        let names = received(&upstream);
        for (name, _) in OVERRIDES.iter().chain(&IDENTITIES) {
            assert!(!has(&names, name), "{path} {name}: {names:?}");
        }
    }
    server.assert_well();
}

#[test]
fn a_route_with_overrides_needs_both_methods_and_forwards_no_identity() {
    let upstream = Upstream::start();
    let route = json!({"to": [upstream.url()], "forward_overrides": true});
    let server = serve(&json!({"/flows": route}), &[]);
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    server.post_as(&admin, "/acl/routes", RULES).expect(200);
    let ask = |token: &str, headers: &[(&str, &str)]| {
        let bearer = format!("Bearer {token}");
        let headers = [&[("Authorization", bearer.as_str())], headers].concat();
        server.request("POST", "/flows/1", &headers, b"")
    };
    for (name, method) in &OVERRIDES[..4] {
        ask(&joe, &[(name, method)]).error(403);
        ask(&joe, &[(name, "delete")]).error(403);
        ask(&joe, &[(name, "PATCH")]).expect(200);
        ask(&admin, &[(name, method)]).expect(200);
    }
    // Where no trusted proxy says it, it is not forwarded, and needs the rule nevertheless.
    ask(&joe, &[("X-Forwarded-Method", "DELETE")]).error(403);
    let addresses = ["True-Client-IP", "Client-IP", "X-Client-IP", "CF-Connecting-IP", "X-Cluster-Client-IP"];
    let addresses = addresses.map(|name| (name, "127.0.0.1"));
    ask(&joe, &[&OVERRIDES[4..], &IDENTITIES, &addresses].concat()).expect(200);
    let names = received(&upstream);
    assert!(!addresses.iter().any(|(name, _)| has(&names, name)), "{names:?}");
    assert!(OVERRIDES[4..].iter().all(|(name, _)| has(&names, name)), "{names:?}");
    assert!(!IDENTITIES.iter().any(|(name, _)| has(&names, name)), "{names:?}");
    server.assert_well();
}

#[test]
fn a_proxy_that_asks_is_told_by_both_methods_and_both_paths() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    server.post_as(&admin, "/acl/routes", RULES).expect(200);
    let ask = |token: &str, path: &str, headers: &[(&str, &str)]| {
        let bearer = format!("Bearer {token}");
        let headers = [&[("Authorization", bearer.as_str())], headers].concat();
        server.request("GET", path, &headers, b"").status
    };
    let nginx = [("X-Original-Method", "POST"), ("X-Original-URI", "/flows/1")];
    let ingress = [("X-Original-Method", "POST"), ("X-Original-URL", "https://api.example/flows/1")];
    let caddy = [("X-Forwarded-Method", "POST"), ("X-Forwarded-Uri", "/flows/1")];
    for proxy in [nginx, ingress, caddy] {
        let ask = |token: &str, headers: &[(&str, &str)]| {
            ask(token, "/auth/verify", &[&proxy[..], headers].concat())
        };
        assert_eq!(ask(&joe, &[]), 204);
        for over in &OVERRIDES[..3] {
            assert_eq!(ask(&joe, &[*over]), 403, "{over:?}");
            assert_eq!(ask(&admin, &[*over]), 204, "{over:?}");
        }
        assert_eq!(ask(&joe, &[("X-HTTP-Method-Override", "PUT")]), 204);
        assert_eq!(ask(&joe, &[("X-Rewrite-URL", "/stores/1")]), 403);
        assert_eq!(ask(&joe, &[("X-Rewrite-URL", "/flows/1")]), 204);
    }
    assert_eq!(ask(&joe, "/auth/verify/flows/1", &[("X-HTTP-Method-Override", "DELETE")]), 403);
    assert_eq!(ask(&joe, "/auth/verify/flows/1", &[]), 200);
    server.assert_well();
}
