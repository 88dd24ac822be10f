//! Passwords that change, the tokens that end with them, and the user's own profile.

use crate::support::TestApp;

const OWN: &str = r#"{"oldPassword":"abc321","newPassword":"xyz987"}"#;

#[test]
fn a_password_that_cannot_be_changed_stays_and_so_do_the_tokens() {
    let app = TestApp::start();
    let token = app.user("joe@acme");
    let change = |body: &str| app.post_as(&token, "/user/change-password", body);
    assert_eq!(
        change(r#"{"oldPassword":"wrong1","newPassword":"xyz987"}"#).error(403),
        "Invalid old password"
    );
    for (body, path) in [
        (r#"{"newPassword":"xyz987"}"#, "oldPassword"),
        (r#"{"oldPassword":"abc321"}"#, "newPassword"),
        (r#"{"oldPassword":"abc321","newPassword":"short"}"#, "newPassword"),
        (r#"{"oldPassword":"abc321","newPassword":7}"#, "newPassword"),
    ] {
        let answer = change(body).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], path, "{}", answer.body);
    }
    app.post("/user/change-password", OWN).error(401);
    app.get("/user", &token).expect(200);
    app.sign_in("joe@acme", "abc321").expect(200);
}

#[test]
fn signing_out_everywhere_ends_every_token_and_nothing_else() {
    let app = TestApp::start();
    let (token, ann) = (app.user("joe@acme"), app.user("ann@acme"));
    app.get("/user", &token).expect(200);
    assert_eq!(app.post_as(&token, "/user/sign-out-everywhere", "").expect(200).body, "{}");
    assert_eq!(app.get("/user", &token).error(401), "Invalid JWT: revoked");
    app.post_as(&token, "/user/sign-out-everywhere", "").error(401);
    app.get("/user", &ann).expect(200);
    let again = app.sign_in("joe@acme", "abc321").expect(200).text("token");
    app.get("/user", &again).expect(200);
}

#[test]
fn an_administrator_resets_a_password_by_username_or_email_and_ends_the_tokens() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    app.get("/user", &joe).expect(200);
    let reset = |token: &str, body: &str| app.post_as(token, "/user/reset-password", body);
    for (member, password) in [("username", "new111"), ("email", "new222")] {
        let token = app.get("/user", &joe).status;
        assert_eq!(token == 200, member == "username");
        let body = format!(r#"{{"{member}":"JOE@acme","password":"{password}"}}"#);
        assert_eq!(reset(&admin, &body).expect(200).body, "{}");
        app.get("/user", &joe).error(401);
        app.sign_in("joe@acme", password).expect(200);
    }
    let fresh = app.sign_in("joe@acme", "new222").text("token");
    assert_eq!(reset(&admin, r#"{"email":"no@body","password":"new333"}"#).error(404), "User not found");
    reset(&fresh, r#"{"email":"root@acme","password":"new333"}"#).error(403);
    for (body, path) in [
        (r#"{"password":"new333"}"#, "username"),
        (r#"{"email":"joe","password":"new333"}"#, "email"),
        (r#"{"email":"joe@acme"}"#, "password"),
        (r#"{"email":"joe@acme","password":"short"}"#, "password"),
    ] {
        let answer = reset(&admin, body).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], path, "{}", answer.body);
    }
    app.get("/user", &fresh).expect(200);
}

#[test]
fn a_user_changes_its_own_metadata_and_no_more() {
    let app = TestApp::start();
    let token = app.user("joe@acme");
    let bearer = format!("Bearer {token}");
    let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
    let put = |body: &str| app.request("PUT", "/user", &headers, body.as_bytes());
    let before = app.get("/user", &token).expect(200).body;
    assert_eq!(put("{}").expect(200).body, before);
    assert_eq!(put(r#"{"metadata":null,"scope":["admin"],"plan":"beta"}"#).expect(200).body, before);
    let changed = put(r#"{"metadata":{"a":[1]}}"#).expect(200);
    assert_eq!(changed.body, before.replace(r#""metadata":{}"#, r#""metadata":{"a":[1]}"#));
    assert_eq!(app.get("/user", &token).expect(200).body, changed.body);
    assert_eq!(put(r#"{"metadata":[]}"#).expect(400).json()["details"][0]["path"], "metadata");
}
