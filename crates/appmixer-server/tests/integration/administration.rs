//! One user, seen and changed by an administrator; and by the user itself.

use crate::support::TestServer;

fn id_of(server: &TestServer, token: &str) -> String {
    server.get("/user", token).expect(200).text("id")
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
