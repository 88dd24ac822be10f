//! One user, seen and changed by an administrator; and by the user itself.

use serde_json::json;

use crate::support::TestServer;

fn id_of(server: &TestServer, token: &str) -> String {
    server.get("/user", token).expect(200).text("id")
}

#[test]
fn an_administrator_sees_a_user_as_the_user_does_and_its_id_once_more() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let own = server.get("/user", &joe).expect(200).body;
    let id = id_of(&server, &joe);
    let seen = server.get(&format!("/users/{id}"), &admin).expect(200);
    assert_eq!(seen.body, format!(r#"{},"userId":"{id}"}}"#, own.strip_suffix('}').unwrap()));
    assert_eq!(seen.header("cache-control"), Some("no-store"));

    server.get("/users/0123456789abcdef01234567", &admin).error(404);
    for bad in ["joe@acme", "0123456789ABCDEF01234567", "1", "0123456789abcdef012345678", "%00"] {
        let answer = server.get(&format!("/users/{bad}"), &admin).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "userId", "{bad}");
    }
    server.get(&format!("/users/{id}"), &joe).error(403);
    server.request("GET", &format!("/users/{id}"), &[], b"").error(401);
}

#[test]
fn an_administrator_changes_every_part_of_a_user() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let path = format!("/users/{}", id_of(&server, &joe));
    let all = r#"{"username":"Joseph@Acme","email":"joe@mail.example","scope":["user","tester"],"plan":"beta","vendor":"acme","isActive":true,"metadata":{"b":1,"a":2},"allowedPrivateComponents":["acme.x.y.Z"],"id":"ignored"}"#;
    let changed = server.put_as(&admin, &path, all).expect(200).json();
    assert_eq!(
        (&changed["username"], &changed["email"], &changed["scope"], &changed["vendor"]),
        (&json!("Joseph@Acme"), &json!("joe@mail.example"), &json!(["user", "tester"]), &json!(["acme"]))
    );
    assert_eq!(changed["metadata"].to_string(), r#"{"b":1,"a":2}"#);
    // A wider scope revokes nothing, and counts from the next sign-in.
    assert_eq!(server.get("/user", &joe).expect(200).json()["scope"], json!(["user", "tester"]));
    server.sign_in("joe@acme", "abc321").error(403);
    server.sign_in("joseph@acme", "abc321").expect(200);
    server.sign_in("joe@mail.example", "abc321").expect(200);
    // The old name is free again.
    server.user("joe@acme");
    let taken = server.put_as(&admin, &path, r#"{"email":"JOE@acme"}"#);
    assert_eq!(taken.error(409), "The username or email is already taken");

    // `null` is absent, but clears the vendor.
    let cleared =
        server.put_as(&admin, &path, r#"{"vendor":null,"plan":null,"metadata":null}"#).expect(200).json();
    assert_eq!((&cleared["vendor"], &cleared["plan"]), (&json!(null), &json!("beta")));
    assert_eq!(server.put_as(&admin, &path, "{}").expect(200).json(), cleared);
}

#[test]
fn private_components_are_shown_where_they_are_asked_for() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let path = format!("/users/{}", id_of(&server, &joe));
    let asked = format!("{path}?include=allowedPrivateComponents");
    let plain = server.get(&path, &admin).expect(200).body;
    let shown =
        |names: &str| format!(r#"{},"allowedPrivateComponents":{names}}}"#, plain.strip_suffix('}').unwrap());
    assert_eq!(server.get(&asked, &admin).expect(200).body, shown("[]"));
    server.put_as(&admin, &path, r#"{"allowedPrivateComponents":["acme.x.Z","acme.a"]}"#).expect(200);
    assert_eq!(server.get(&asked, &admin).expect(200).body, shown(r#"["acme.x.Z","acme.a"]"#));
    assert_eq!(server.get(&path, &admin).expect(200).body, plain);
    server.get(&asked, &joe).error(403);
    for bad in
        ["include=password", "include=", "include=allowedPrivateComponents&include=allowedPrivateComponents"]
    {
        let answer = server.get(&format!("{path}?{bad}"), &admin).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "include", "{bad}");
    }
}

#[test]
fn a_narrower_scope_or_a_new_password_ends_the_users_tokens() {
    let server = TestServer::start();
    let admin = server.admin();
    let joe = server.user("joe@acme");
    let path = format!("/users/{}", id_of(&server, &joe));
    server.put_as(&admin, &path, r#"{"scope":["user","developer"]}"#).expect(200);
    let developer = server.sign_in("joe@acme", "abc321").text("token");
    server.put_as(&admin, &path, r#"{"scope":["user"]}"#).expect(200);
    for token in [&joe, &developer] {
        assert_eq!(server.get("/user", token).error(401), "Invalid JWT: revoked");
    }
    let joe = server.sign_in("joe@acme", "abc321").text("token");
    server.put_as(&admin, &path, r#"{"password":"new-secret","plan":"beta"}"#).expect(200);
    assert_eq!(server.get("/user", &joe).error(401), "Invalid JWT: revoked");
    server.sign_in("joe@acme", "abc321").error(403);
    let joe = server.sign_in("joe@acme", "new-secret").expect(200).text("token");
    assert_eq!(server.get("/user", &joe).text("plan"), "beta");
}

#[test]
fn bad_changes_are_named_and_none_of_them_is_made() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let path = format!("/users/{}", id_of(&server, &joe));
    let before = server.get(&path, &admin).body;
    for (body, member) in [
        (r#"{"plan":"beta","username":"nobody"}"#, "username"),
        (r#"{"plan":"beta","email":7}"#, "email"),
        (r#"{"plan":"beta","password":"short"}"#, "password"),
        (r#"{"plan":"beta","scope":"admin"}"#, "scope"),
        (r#"{"plan":"beta","scope":["a b"]}"#, "scope"),
        (r#"{"plan":"beta","vendor":[7]}"#, "vendor"),
        (r#"{"plan":""}"#, "plan"),
        (r#"{"plan":"beta","isActive":"yes"}"#, "isActive"),
        (r#"{"plan":"beta","metadata":[]}"#, "metadata"),
        (r#"{"plan":"beta","allowedPrivateComponents":"x"}"#, "allowedPrivateComponents"),
    ] {
        assert_eq!(
            server.put_as(&admin, &path, body).expect(400).json()["details"][0]["path"],
            member,
            "{body}"
        );
    }
    let unknown = "/users/0123456789abcdef01234567";
    for body in [r#"{"plan":"beta"}"#, r#"{"password":"new-secret"}"#, "{}"] {
        server.put_as(&admin, unknown, body).error(404);
    }
    server.put_as(&joe, &path, r#"{"scope":["admin"]}"#).error(403);
    assert_eq!(server.get(&path, &admin).body, before);
    server.get("/user", &joe).expect(200);
}

#[test]
fn the_last_administrator_cannot_be_demoted_or_locked_out() {
    let server = TestServer::start();
    let admin = server.admin();
    let id = id_of(&server, &admin);
    let path = format!("/users/{id}");
    server.put_as(&admin, &path, r#"{"isActive":true}"#).expect(200);
    assert_eq!(server.delete_as(&admin, &path).error(409), "The last administrator must stay");
    for body in [r#"{"scope":["user"]}"#, r#"{"isActive":false}"#] {
        assert_eq!(server.put_as(&admin, &path, body).error(409), "The last administrator must stay");
    }
    server
        .post_as(&admin, "/user", r#"{"username":"b@b","password":"abc321","scope":["admin"]}"#)
        .expect(200);
    server.put_as(&admin, &path, r#"{"scope":["user"]}"#).expect(200);
    server.get(&path, &admin).error(401);
}

#[test]
fn where_only_active_users_sign_in_the_last_administrator_who_is_one_stays() {
    let server = TestServer::with(&[("APPMIXER_USERS__REQUIRE_ACTIVE", "true")]);
    let add = ["user", "add", "root@acme", "--scope", "admin", "--active", "true", "--password-stdin"];
    let root = server.done(&add, "abc321\n");
    let token = server.sign_in("root@acme", "abc321").expect(200).text("token");
    let other = r#"{"username":"ann@acme","password":"abc321","scope":["admin"]}"#;
    let ann = server.post_as(&token, "/user", other).expect(200).json()["user"]["id"].clone();
    let (root, ann) = (format!("/users/{root}"), format!("/users/{}", ann.as_str().unwrap()));
    // Whose address is not confirmed cannot sign in, and is nobody who could take over.
    let refused = |path: &str, token: &str| {
        for body in [r#"{"scope":["user"]}"#, r#"{"isActive":false}"#] {
            assert_eq!(server.put_as(token, path, body).error(409), "The last administrator must stay");
        }
        server.delete_as(token, path).error(409);
    };
    refused(&root, &token);
    let told = server.command(&["user", "set", "root@acme", "--active", "false"], "");
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    server.put_as(&token, &root, r#"{"scope":["admin","user"],"isActive":true}"#).expect(200);

    server.put_as(&token, &ann, r#"{"isActive":true}"#).expect(200);
    let token = server.sign_in("ann@acme", "abc321").expect(200).text("token");
    server.put_as(&token, &root, r#"{"isActive":false}"#).expect(200);
    refused(&ann, &token);
    server.delete_as(&token, &root).expect(200);
    server.assert_well();
}

#[test]
fn a_deleted_user_is_gone_at_once_and_its_ticket_tells_so_after_a_restart_too() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let path = format!("/users/{}", id_of(&server, &joe));
    server.delete_as(&joe, &path).error(403);
    let answer = server.delete_as(&admin, &path).expect(200);
    let ticket = answer.text("ticket");
    assert_eq!(answer.body, format!(r#"{{"ticket":"{ticket}"}}"#));
    server.get("/user", &joe).error(404);
    server.sign_in("joe@acme", "abc321").error(403);
    server.get(&path, &admin).error(404);
    server.delete_as(&admin, &path).error(404);
    let server = server.kill_and_restart();
    let status = format!("{path}/delete-status/{ticket}");
    assert_eq!(server.get(&status, &admin).expect(200).body, r#"{"status":"completed"}"#);
    server.user("joe@acme");

    let other = format!("/users/0123456789abcdef01234567/delete-status/{ticket}");
    server.get(&other, &admin).error(404);
    server.get(&format!("{path}/delete-status/0123456789abcdef01234567"), &admin).error(404);
    let bad = server.get(&format!("{path}/delete-status/x"), &admin).expect(400);
    assert_eq!(bad.json()["details"][0]["path"], "ticket");
    server.request("GET", &status, &[], b"").error(401);
    server.delete_as(&admin, "/users/x").error(400);
}

#[test]
fn users_change_their_own_metadata_and_nothing_else() {
    let server = TestServer::start();
    let joe = server.user("joe@acme");
    let body = r#"{"metadata":{"z":[1],"a":"ž"},"scope":["admin"],"plan":"beta"}"#;
    let changed = server.put_as(&joe, "/user", body).expect(200);
    assert_eq!(changed.body, server.get("/user", &joe).expect(200).body);
    let json = changed.json();
    assert_eq!(json["metadata"].to_string(), r#"{"z":[1],"a":"ž"}"#);
    assert_eq!((&json["scope"], &json["plan"]), (&json!(["user"]), &json!("free")));
    assert_eq!(server.put_as(&joe, "/user", "{}").expect(200).body, changed.body);
    server.put_as(&joe, "/user", r#"{"metadata":7}"#).error(400);
    server.request("PUT", "/user", &[("Content-Type", "application/json")], b"{}").error(401);
}

#[test]
fn an_administrator_signs_a_user_out_everywhere_and_nobody_else_does() {
    let server = TestServer::start();
    let (admin, joe, ann) = (server.admin(), server.user("joe@acme"), server.user("ann@acme"));
    let path = |token: &str| format!("/users/{}/sign-out-everywhere", id_of(&server, token));
    let (joes, anns, own) = (path(&joe), path(&ann), path(&admin));
    let second = server.sign_in("joe@acme", "abc321").text("token");
    server.request("POST", &joes, &[], b"").error(401);
    server.post_as(&joe, &anns, "").error(403);
    server.post_as(&joe, &joes, "").error(403);
    server.get(&joes, &admin).error(405);
    for bad in ["joe@acme", "0123456789ABCDEF01234567"] {
        let answer = server.post_as(&admin, &format!("/users/{bad}/sign-out-everywhere"), "").expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "userId");
    }
    let nobodys = server.post_as(&admin, "/users/0123456789abcdef01234567/sign-out-everywhere", "");
    assert_eq!(nobodys.error(404), "User not found");
    for token in [&joe, &second, &ann] {
        server.get("/user", token).expect(200);
    }

    assert_eq!(server.post_as(&admin, &joes, "").expect(200).body, "{}");
    for token in [&joe, &second] {
        assert_eq!(server.get("/user", token).error(401), "Invalid JWT: revoked");
    }
    server.get("/user", &ann).expect(200);
    let again = server.sign_in("joe@acme", "abc321").text("token");
    server.get("/user", &again).expect(200);

    // Its own tokens are tokens like any other.
    server.post_as(&admin, &own, "{}").expect(200);
    server.get("/users", &admin).error(401);
    let admin = server.sign_in("root@acme", "abc321").text("token");
    let entries = server.get("/audit?kind=signed-out-everywhere", &admin).expect(200).json();
    let told: Vec<_> = entries.as_array().unwrap().iter().map(|e| (&e["actor"]["id"], &e["user"])).collect();
    let (root, joe) = (json!(id_of(&server, &admin)), json!(id_of(&server, &again)));
    assert_eq!(told, [(&root, &root), (&root, &joe)]);
    server.assert_well();
}
