//! `GET /users` and `GET /users/count`: lists, filters, patterns and pages.

use serde_json::json;

use crate::support::{Answer, TestServer};

/// An administrator's token, and users `user00@acme` to `user24@acme` of whom some have more.
fn populated(server: &TestServer) -> String {
    let admin = server.admin();
    for number in 0..25 {
        let scope = if number % 5 == 0 { r#"["user","acme1"]"# } else { r#"["user"]"# };
        let vendor = if number % 2 == 0 { "even" } else { "odd" };
        let user = format!(
            r#"{{"username":"User{number:02}@acme","email":"mail{:02}@Box","password":"abc321","scope":{scope},"vendor":"{vendor}","isActive":{},"plan":"{}"}}"#,
            24 - number,
            number % 3 == 0,
            if number == 7 { "beta" } else { "free" },
        );
        server.post_as(&admin, "/user", &user).expect(200);
    }
    admin
}

fn usernames(answer: &Answer) -> Vec<String> {
    let users = answer.json();
    users.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn lists_follow_every_change_at_once() {
    let server = TestServer::start();
    let admin = populated(&server);
    let found = |query: &str| usernames(&server.get(&format!("/users?{query}"), &admin).expect(200));
    let user = server.get("/users?pattern=user07", &admin).expect(200).json()[0].clone();
    let path = format!("/users/{}", user["id"].as_str().unwrap());
    server
        .put_as(&admin, &path, r#"{"username":"Žofie@new","plan":"gold","scope":["user","vip"]}"#)
        .expect(200);
    assert!(found("pattern=user07").is_empty() && found("filter=plan:beta").is_empty());
    for query in
        ["pattern=ŽOFIE".replace('Ž', "%C5%BD"), "filter=plan:gold".into(), "filter=scope:vip".into()]
    {
        assert_eq!(found(&query), ["Žofie@new"], "{query}");
    }
    server.delete_as(&admin, &path).expect(200);
    assert!(found("filter=scope:vip").is_empty() && found("pattern=@new").is_empty());
    assert_eq!(server.get("/users/count", &admin).json(), json!({"count": 25}));
    let server = server.kill_and_restart();
    assert_eq!(server.get("/users/count", &admin).json(), json!({"count": 25}));
}
