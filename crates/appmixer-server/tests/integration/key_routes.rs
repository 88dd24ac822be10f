//! The keys that sign tokens, over HTTP: listed, rotated and retired by administrators.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{SECRET, TestServer};

const AT_ONCE: &str = r#"{"algorithm":"EdDSA","activates":"1970-01-01T00:00:00Z"}"#;
const OTHER_SECRET: &str = "another secret that is long enough to be one";

fn algorithm_of(token: &str) -> String {
    let part = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&part).unwrap()["alg"].as_str().unwrap().to_owned()
}

fn states(server: &TestServer, admin: &str) -> Vec<(String, String, String)> {
    let keys = server.get("/keys", admin).expect(200).json();
    let text = |key: &Value, member: &str| key[member].as_str().unwrap().to_owned();
    let state = |key: &Value| (text(key, "id"), text(key, "source"), text(key, "state"));
    keys.as_array().unwrap().iter().map(state).collect()
}

fn row(id: &str, source: &str, state: &str) -> (String, String, String) {
    (id.to_owned(), source.to_owned(), state.to_owned())
}

#[test]
fn an_administrator_rotates_and_nobody_is_signed_out() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let first = server.get("/keys", &admin).expect(200);
    assert_eq!(first.header("cache-control"), Some("no-store"));
    assert_eq!(
        first.json(),
        json!([{"id":"configuration","algorithm":"HS256","source":"own-secret","state":"signing","created":null,"activates":null,"ends":null}])
    );

    let answer = server.post_as(&admin, "/keys", AT_ONCE).expect(200);
    let made = answer.json();
    let id = answer.text("id");
    assert_eq!(
        (&made["algorithm"], &made["state"], &made["source"]),
        (&json!("EdDSA"), &json!("signing"), &json!("database"))
    );
    assert_eq!(made["created"], made["activates"], "what is past is now");
    assert!(made["othersEnd"].as_str() > made["activates"].as_str() && made["ends"].is_null());
    // It counts from the next request on.
    let by_key = server.sign_in("joe@acme", "abc321").expect(200).text("token");
    assert_eq!(algorithm_of(&by_key), "EdDSA");
    for token in [&joe, &by_key] {
        server.get("/user", token).expect(200);
    }
    let keys = server.get("/keys", &admin).expect(200).json();
    assert_eq!((&keys[0]["id"], &keys[0]["created"]), (&made["id"], &made["created"]));
    assert_eq!((&keys[1]["state"], &keys[1]["ends"]), (&json!("verifying"), &made["othersEnd"]));

    // Published, but not used yet: without a time it waits until everybody has seen it.
    let next = server.post_as(&admin, "/keys", r#"{"algorithm":"ES256","activates":null}"#).expect(200);
    assert_eq!(next.text("state"), "next");
    let set = server.request("GET", "/.well-known/jwks.json", &[], b"").expect(200).json();
    assert_eq!((&set["keys"][0]["kid"], &set["keys"][1]["kid"]), (&json!(next.text("id")), &json!(id)));
    assert_eq!(algorithm_of(&server.sign_in("joe@acme", "abc321").text("token")), "EdDSA");
    let named =
        server.post_as(&admin, "/keys", r#"{"activates":"2099-01-01T00:00:00+01:00"}"#).expect(200).json();
    assert_eq!(
        (&named["algorithm"], &named["activates"]),
        (&json!("HS256"), &json!("2098-12-31T23:00:00.000Z"))
    );

    // The command shows the same.
    let lines = server.done(&["key", "list", "--json"], "");
    let told: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = told.iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, states(&server, &admin).into_iter().map(|(id, ..)| id).collect::<Vec<_>>());
    let entries = server.get("/audit?kind=key-rotated", &admin).expect(200).json();
    let root = server.get("/user", &admin).text("id");
    assert_eq!(entries.as_array().unwrap().len(), 3);
    assert_eq!((&entries[2]["actor"]["id"], &entries[2]["details"]["key"]), (&json!(root), &json!(id)));
    server.assert_well();
}

#[test]
fn a_key_that_is_retired_ends_its_tokens_and_the_one_that_signs_stays() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let refused = server.delete_as(&admin, "/keys/configuration");
    assert_eq!(refused.error(409), "The key signs: another one has to take its place first");
    let stolen = server.post_as(&admin, "/keys", AT_ONCE).expect(200).text("id");
    let by_stolen = server.sign_in("joe@acme", "abc321").text("token");
    server.get("/user", &by_stolen).expect(200);
    server.delete_as(&admin, &format!("/keys/{stolen}")).error(409);
    server.post_as(&admin, "/keys", AT_ONCE).expect(200);
    server.get("/user", &by_stolen).expect(200);

    assert_eq!(server.delete_as(&admin, &format!("/keys/{stolen}")).expect(200).body, r#"{"ok":true}"#);
    server.get("/user", &by_stolen).error(401);
    server.get("/user", &joe).expect(200);
    assert_eq!(server.delete_as(&admin, &format!("/keys/{stolen}")).error(404), "There is no such key");
    let entry = server.get("/audit?kind=key-retired", &admin).expect(200).json();
    assert_eq!((entry.as_array().unwrap().len(), &entry[0]["details"]["key"]), (1, &json!(stolen)));

    // The server's own secret is a key like any other; what it signed is over, whoever had it.
    let admin = server.sign_in("root@acme", "abc321").text("token");
    server.delete_as(&admin, "/keys/configuration").expect(200);
    server.get("/user", &joe).error(401);
    assert_eq!(states(&server, &admin)[1], row("configuration", "own-secret", "ended"));
    let server = server.kill_and_restart();
    server.get("/keys", &admin).expect(200);
    server.get("/user", &joe).error(401);
    server.assert_well();
}

#[test]
fn all_kinds_of_keys_are_listed_and_none_is_shown() {
    let previous = format!(r#"["{OTHER_SECRET}"]"#);
    let server = TestServer::with(&[("APPMIXER_TOKEN__PREVIOUS_SECRETS", &previous)]);
    let admin = server.admin();
    let jwt_secret = format!(r#"{{"key":"JWTSecret","value":"{}"}}"#, OTHER_SECRET.to_uppercase());
    server.post_as(&admin, "/config", &jwt_secret).expect(200);
    let of_configuration = |signing: &str| {
        [
            row("JWTSecret", "system-configuration", signing),
            row("configuration", "own-secret", "verifying"),
            row("configuration", "previous-secret", "verifying"),
        ]
    };
    assert_eq!(states(&server, &admin), of_configuration("signing"));
    let made = server.post_as(&admin, "/keys", AT_ONCE).expect(200);
    let all = server.get("/keys", &admin).expect(200).body;
    let kept = states(&server, &admin);
    assert_eq!(kept[0], row(&made.text("id"), "database", "signing"));
    assert_eq!(kept[1..], of_configuration("verifying"));
    server.delete_as(&admin, "/keys/JWTSecret").error(404);
    for text in [&all, &made.body, &server.log()] {
        let text = text.to_uppercase();
        assert!(!text.contains(&OTHER_SECRET.to_uppercase()) && !text.contains(&SECRET.to_uppercase()));
    }

    // One that is damaged can be seen, keeps another from being made, and can be given up.
    let database = rusqlite::Connection::open(server.data().join("appmixer.sqlite")).unwrap();
    database
        .execute("UPDATE signing_keys SET sealed = x'01ff' WHERE sealed <> x'' AND number > 0", [])
        .unwrap();
    assert_eq!(states(&server, &admin)[0], row(&made.text("id"), "database", "unusable"));
    let refused = server.post_as(&admin, "/keys", "{}").error(409);
    assert!(refused.starts_with("A key in the database cannot be used: "), "{refused}");
    server.delete_as(&admin, &format!("/keys/{}", made.text("id"))).expect(200);
    server.post_as(&admin, "/keys", "{}").expect(200);
}

#[test]
fn keys_are_for_administrators_alone_and_bad_input_changes_nothing() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    server.request("GET", "/keys", &[], b"").error(401);
    server.post("/keys", "{}").error(401);
    server.request("DELETE", "/keys/configuration", &[], b"").error(401);
    server.get("/keys", &joe).error(403);
    server.post_as(&joe, "/keys", "{}").error(403);
    server.delete_as(&joe, "/keys/configuration").error(403);
    assert_eq!(
        server.delete_as(&admin, "/keys").expect(405).header("allow"),
        Some("get, head, post, options")
    );
    server.get("/keys/configuration", &admin).error(405);

    for (body, paths) in [
        (r#"{"algorithm":"none"}"#, &["algorithm"][..]),
        (r#"{"algorithm":"eddsa"}"#, &["algorithm"]),
        (r#"{"algorithm":7,"activates":0}"#, &["algorithm", "activates"]),
        (r#"{"activates":"tomorrow"}"#, &["activates"]),
        (r#"{"activates":"1969-12-31T23:59:59Z"}"#, &["activates"]),
    ] {
        let answer = server.post_as(&admin, "/keys", body).expect(400).json();
        let told = answer["details"].as_array().unwrap().iter().map(|d| d["path"].as_str().unwrap());
        assert_eq!(told.collect::<Vec<_>>(), paths, "{body}");
    }
    server.post_as(&admin, "/keys", "").error(400);
    server.post_as(&admin, "/keys", "[]").error(400);
    for bad in ["a.b", "%00", "a%2Fb", &"k".repeat(65)] {
        let answer = server.delete_as(&admin, &format!("/keys/{bad}")).expect(400).json();
        assert_eq!(answer["details"][0]["path"], "id", "{bad}");
    }
    assert_eq!(states(&server, &admin).len(), 1);

    // However long somebody goes on, there are so many at most.
    let mut made = 0;
    let refused = loop {
        let answer = server.post_as(&admin, "/keys", "{}");
        if answer.status != 200 {
            break answer;
        }
        made += 1;
        assert!(made < 100);
    };
    assert_eq!(refused.error(409), "at most 16 entries are possible");
    server.get("/user", &joe).expect(200);
    server.assert_well();
}
