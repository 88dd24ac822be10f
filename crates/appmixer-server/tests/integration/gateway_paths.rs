//! Paths that an upstream may read in another way than they are written.

use serde_json::json;

use crate::gateway::serve;
use crate::upstream::Upstream;

/// Other ways to write `/pub/admin/1`, and the status without a token: 404 where no prefix is spelled.
const SPELLINGS: &[(&str, u16)] = &[
    ("/pub/admin/1", 401),
    ("/pub/admin;x/1", 401),
    ("/pub;x/admin/1", 404),
    ("/pub/admin./1", 401),
    ("/pub/admin%20/1", 401),
    ("/pub/%20admin/1", 401),
    ("/pub/admin%3fx/1", 401),
    ("/pub/admin%23x/1", 400),
    ("/pub/ADMIN/1", 401),
    ("/pub/%61dmin/1", 401),
    ("/pub/admin.json", 401),
    ("/pub/admin::$DATA", 401),
    ("/pub/%EF%BD%81dmin/1", 401),
    ("/pub/%u0061dmin/1", 400),
    ("/pub/x/..;/admin/1", 400),
    ("/pub/x/../admin/1", 400),
    ("/pub/%252e/admin/1", 400),
    ("/pub/;/admin/1", 400),
    ("/pub//admin/1", 400),
    ("/pub%2fadmin/1", 404),
    ("/pub%5cadmin/1", 404),
    ("/pub/%c0%ae/admin/1", 400),
    ("/pub/(S(x))/admin/1", 400),
];

#[test]
fn whatever_an_upstream_may_read_as_a_protected_prefix_needs_its_token() {
    let upstream = Upstream::start();
    let routes = json!({
        "/pub": {"to": [upstream.url()], "open": true},
        "/pub/admin": {"to": [upstream.url()]},
        "/deep": {"to": [upstream.url()], "open": true},
        "/deep/er/still": {"to": [upstream.url()]},
    });
    let server = serve(&routes, &[]);
    let token = server.user("joe@acme");
    for (path, status) in SPELLINGS {
        server.request("GET", path, &[], b"").error(*status);
    }
    for path in ["/deep/er/still", "/deep/er;x/still.", "/deep/Er/still%20;a/1"] {
        server.request("GET", path, &[], b"").error(401);
    }
    assert_eq!(upstream.count(), 0);
    // With a token it goes where it is written, with the user's name.
    server.get("/pub/admin;x/1", &token).expect(200);
    let seen = upstream.seen().pop().unwrap();
    assert_eq!(
        (&seen["target"], &seen["headers"]["x-user-name"]),
        (&json!("/pub/admin;x/1"), &json!("joe@acme"))
    );
    // What is no spelling of it stays open.
    for path in [
        "/pub/1;jsessionid=7",
        "/pub/a%20b",
        "/pub/administration",
        "/pub/x/admin",
        "/deep/er",
        "/deep/er/stil",
    ] {
        server.request("GET", path, &[], b"").expect(200);
    }
    server.assert_well();
}

#[test]
fn rules_are_held_against_every_reading_of_the_first_segment() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/": {"to": [upstream.url()]}}), &[]);
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let rules = r#"[{"role":"admin","resource":"stores","action":["*"]}]"#;
    server.post_as(&admin, "/acl/routes", rules).expect(200);
    for path in
        ["/stores", "/stores.", "/stores%20/1", "/stores%3fx", "/Stores.json", "/stores:x", "/%EF%BD%93tores"]
    {
        server.get(path, &joe).error(403);
        server.get(path, &admin).expect(200);
        let asks = [("X-Original-Method", "GET"), ("X-Original-URI", path)];
        for (token, status) in [(&joe, 403), (&admin, 204)] {
            let bearer = format!("Bearer {token}");
            let headers = [&[("Authorization", bearer.as_str())], &asks[..]].concat();
            assert_eq!(server.request("GET", "/auth/verify", &headers, b"").status, status, "{path}");
        }
    }
    for path in ["/storeship", "/x/stores", "/a.stores"] {
        server.get(path, &joe).expect(200);
    }
    server.assert_well();
}

#[test]
fn rules_are_checked_on_the_path_of_the_client_and_on_that_of_the_upstream() {
    let upstream = Upstream::start();
    let based = format!("{}/flows", upstream.url());
    let routes = json!({
        "/api": {"to": [upstream.url()], "strip_prefix": true},
        "/v1/engine": {"to": [upstream.url()], "strip_prefix": true},
        "/base": {"to": [based]},
        "/both": {"to": [upstream.url(), based], "strip_prefix": true},
        "/plain": {"to": [upstream.url()]},
    });
    let server = serve(&routes, &[]);
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let rules = r#"[{"role":"admin","resource":"flows","action":["*"]},
        {"role":"admin","resource":"v1","action":["delete"]},
        {"role":"*","resource":"v1","action":["read"]}]"#;
    server.post_as(&admin, "/acl/routes", rules).expect(200);
    for path in [
        "/api/flows/1",
        "/api/Flows",
        "/api/%66lows;x/1",
        "/v1/engine/flows.",
        "/base/stores",
        "/both/stores",
        "/both/flows",
    ] {
        server.get(path, &joe).error(403);
        server.get(path, &admin).expect(200);
    }
    for path in ["/api", "/api/stores", "/v1/engine/stores/flows", "/plain/flows"] {
        server.get(path, &joe).expect(200);
    }
    // What the client's path denies stays denied.
    server.delete_as(&joe, "/v1/engine/stores").error(403);
    server.delete_as(&admin, "/v1/engine/stores").expect(200);
    server.assert_well();
}
