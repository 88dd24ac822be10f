//! One user, seen and changed by an administrator; and by the user itself.

use serde_json::json;

use crate::support::TestApp;

fn id_of(app: &TestApp, token: &str) -> String {
    app.get("/user", token).expect(200).text("id")
}

#[test]
fn an_administrator_sees_a_user_as_the_user_does_and_its_id_once_more() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    let own = app.get("/user", &joe).expect(200).body;
    let id = id_of(&app, &joe);
    let seen = app.get(&format!("/users/{id}"), &admin).expect(200);
    assert_eq!(seen.body, format!(r#"{},"userId":"{id}"}}"#, own.strip_suffix('}').unwrap()));
    assert_eq!(seen.header("cache-control"), Some("no-store"));

    app.get("/users/0123456789abcdef01234567", &admin).error(404);
    for bad in ["joe@acme", "0123456789ABCDEF01234567", "1", "0123456789abcdef012345678", "%00"] {
        let answer = app.get(&format!("/users/{bad}"), &admin).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "userId", "{bad}");
    }
    app.get(&format!("/users/{id}"), &joe).error(403);
    app.request("GET", &format!("/users/{id}"), &[], b"").error(401);
}

#[test]
fn an_administrator_changes_every_part_of_a_user() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    let path = format!("/users/{}", id_of(&app, &joe));
    let all = r#"{"username":"Joseph@Acme","email":"joe@mail.example","scope":["user","tester"],"plan":"beta","vendor":"acme","isActive":true,"metadata":{"b":1,"a":2},"allowedPrivateComponents":["acme.x.y.Z"],"id":"ignored"}"#;
    let changed = app.put_as(&admin, &path, all).expect(200).json();
    assert_eq!(
        (&changed["username"], &changed["email"], &changed["scope"], &changed["vendor"]),
        (&json!("Joseph@Acme"), &json!("joe@mail.example"), &json!(["user", "tester"]), &json!(["acme"]))
    );
    assert_eq!(changed["metadata"].to_string(), r#"{"b":1,"a":2}"#);
    // A wider scope revokes nothing, and counts from the next sign-in.
    assert_eq!(app.get("/user", &joe).expect(200).json()["scope"], json!(["user", "tester"]));
    app.sign_in("joe@acme", "abc321").error(403);
    app.sign_in("joseph@acme", "abc321").expect(200);
    app.sign_in("joe@mail.example", "abc321").expect(200);
    // The old name is free again.
    app.user("joe@acme");
    let taken = app.put_as(&admin, &path, r#"{"email":"JOE@acme"}"#);
    assert_eq!(taken.error(409), "The username or email is already taken");

    // `null` is absent, but clears the vendor.
    let cleared =
        app.put_as(&admin, &path, r#"{"vendor":null,"plan":null,"metadata":null}"#).expect(200).json();
    assert_eq!((&cleared["vendor"], &cleared["plan"]), (&json!(null), &json!("beta")));
    assert_eq!(app.put_as(&admin, &path, "{}").expect(200).json(), cleared);
}

#[test]
fn private_components_are_shown_where_they_are_asked_for() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    let path = format!("/users/{}", id_of(&app, &joe));
    let asked = format!("{path}?include=allowedPrivateComponents");
    let plain = app.get(&path, &admin).expect(200).body;
    let shown =
        |names: &str| format!(r#"{},"allowedPrivateComponents":{names}}}"#, plain.strip_suffix('}').unwrap());
    assert_eq!(app.get(&asked, &admin).expect(200).body, shown("[]"));
    app.put_as(&admin, &path, r#"{"allowedPrivateComponents":["acme.x.Z","acme.a"]}"#).expect(200);
    assert_eq!(app.get(&asked, &admin).expect(200).body, shown(r#"["acme.x.Z","acme.a"]"#));
    assert_eq!(app.get(&path, &admin).expect(200).body, plain);
    app.get(&asked, &joe).error(403);
    for bad in
        ["include=password", "include=", "include=allowedPrivateComponents&include=allowedPrivateComponents"]
    {
        let answer = app.get(&format!("{path}?{bad}"), &admin).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "include", "{bad}");
    }
}

#[test]
fn a_narrower_scope_or_a_new_password_ends_the_users_tokens() {
    let app = TestApp::start();
    let admin = app.admin();
    let joe = app.user("joe@acme");
    let path = format!("/users/{}", id_of(&app, &joe));
    app.put_as(&admin, &path, r#"{"scope":["user","developer"]}"#).expect(200);
    let developer = app.sign_in("joe@acme", "abc321").text("token");
    app.put_as(&admin, &path, r#"{"scope":["user"]}"#).expect(200);
    for token in [&joe, &developer] {
        assert_eq!(app.get("/user", token).error(401), "Invalid JWT: revoked");
    }
    let joe = app.sign_in("joe@acme", "abc321").text("token");
    app.put_as(&admin, &path, r#"{"password":"new-secret","plan":"beta"}"#).expect(200);
    assert_eq!(app.get("/user", &joe).error(401), "Invalid JWT: revoked");
    app.sign_in("joe@acme", "abc321").error(403);
    let joe = app.sign_in("joe@acme", "new-secret").expect(200).text("token");
    assert_eq!(app.get("/user", &joe).text("plan"), "beta");
}

#[test]
fn bad_changes_are_named_and_none_of_them_is_made() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    let path = format!("/users/{}", id_of(&app, &joe));
    let before = app.get(&path, &admin).body;
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
            app.put_as(&admin, &path, body).expect(400).json()["details"][0]["path"],
            member,
            "{body}"
        );
    }
    let unknown = "/users/0123456789abcdef01234567";
    for body in [r#"{"plan":"beta"}"#, r#"{"password":"new-secret"}"#, "{}"] {
        app.put_as(&admin, unknown, body).error(404);
    }
    app.put_as(&joe, &path, r#"{"scope":["admin"]}"#).error(403);
    assert_eq!(app.get(&path, &admin).body, before);
    app.get("/user", &joe).expect(200);
}

#[test]
fn the_last_administrator_cannot_be_demoted_or_locked_out() {
    let app = TestApp::start();
    let admin = app.admin();
    let id = id_of(&app, &admin);
    let path = format!("/users/{id}");
    app.put_as(&admin, &path, r#"{"isActive":true}"#).expect(200);
    assert_eq!(app.delete_as(&admin, &path).error(409), "The last administrator must stay");
    for body in [r#"{"scope":["user"]}"#, r#"{"isActive":false}"#] {
        assert_eq!(app.put_as(&admin, &path, body).error(409), "The last administrator must stay");
    }
    app.post_as(&admin, "/user", r#"{"username":"b@b","password":"abc321","scope":["admin"]}"#).expect(200);
    app.put_as(&admin, &path, r#"{"scope":["user"]}"#).expect(200);
    app.get(&path, &admin).error(401);
}

#[test]
fn users_change_their_own_metadata_and_nothing_else() {
    let app = TestApp::start();
    let joe = app.user("joe@acme");
    let body = r#"{"metadata":{"z":[1],"a":"ž"},"scope":["admin"],"plan":"beta"}"#;
    let changed = app.put_as(&joe, "/user", body).expect(200);
    assert_eq!(changed.body, app.get("/user", &joe).expect(200).body);
    let json = changed.json();
    assert_eq!(json["metadata"].to_string(), r#"{"z":[1],"a":"ž"}"#);
    assert_eq!((&json["scope"], &json["plan"]), (&json!(["user"]), &json!("free")));
    assert_eq!(app.put_as(&joe, "/user", "{}").expect(200).body, changed.body);
    app.put_as(&joe, "/user", r#"{"metadata":7}"#).error(400);
    app.request("PUT", "/user", &[("Content-Type", "application/json")], b"{}").error(401);
}

#[test]
fn an_administrator_signs_a_user_out_everywhere_and_nobody_else_does() {
    let app = TestApp::start();
    let (admin, joe, ann) = (app.admin(), app.user("joe@acme"), app.user("ann@acme"));
    let path = |token: &str| format!("/users/{}/sign-out-everywhere", id_of(&app, token));
    let (joes, anns, own) = (path(&joe), path(&ann), path(&admin));
    let second = app.sign_in("joe@acme", "abc321").text("token");
    app.request("POST", &joes, &[], b"").error(401);
    app.post_as(&joe, &anns, "").error(403);
    app.post_as(&joe, &joes, "").error(403);
    app.get(&joes, &admin).error(405);
    for bad in ["joe@acme", "0123456789ABCDEF01234567"] {
        let answer = app.post_as(&admin, &format!("/users/{bad}/sign-out-everywhere"), "").expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "userId");
    }
    let nobodys = app.post_as(&admin, "/users/0123456789abcdef01234567/sign-out-everywhere", "");
    assert_eq!(nobodys.error(404), "User not found");
    for token in [&joe, &second, &ann] {
        app.get("/user", token).expect(200);
    }

    assert_eq!(app.post_as(&admin, &joes, "").expect(200).body, "{}");
    for token in [&joe, &second] {
        assert_eq!(app.get("/user", token).error(401), "Invalid JWT: revoked");
    }
    app.get("/user", &ann).expect(200);
    let again = app.sign_in("joe@acme", "abc321").text("token");
    app.get("/user", &again).expect(200);

    // Its own tokens are tokens like any other.
    app.post_as(&admin, &own, "{}").expect(200);
    app.get("/users", &admin).error(401);
    let admin = app.sign_in("root@acme", "abc321").text("token");
    let entries = app.get("/audit?kind=signed-out-everywhere", &admin).expect(200).json();
    let told: Vec<_> = entries.as_array().unwrap().iter().map(|e| (&e["actor"]["id"], &e["user"])).collect();
    let (root, joe) = (json!(id_of(&app, &admin)), json!(id_of(&app, &again)));
    assert_eq!(told, [(&root, &root), (&root, &joe)]);
}
