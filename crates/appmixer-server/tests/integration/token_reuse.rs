//! Tokens of one user that are made within one second: none that was revoked is made again.

use serde_json::json;

use crate::audit::id_of;
use crate::support::{TestServer, UNLIMITED};

#[test]
fn a_sign_in_right_after_a_revocation_gets_a_token_that_was_never_there() {
    let server = TestServer::with(&[UNLIMITED]);
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let path = format!("/users/{}", id_of(&server, &joe));
    let scopes = |scopes: &[&str]| {
        server.put_as(&admin, &path, &json!({ "scope": scopes }).to_string()).expect(200);
    };
    let password = json!({"username": "joe@acme", "password": "abc321"}).to_string();
    let change = json!({"oldPassword": "abc321", "newPassword": "abc321"}).to_string();
    let revocations: [&dyn Fn(&str); 6] = [
        &|token| drop(server.post_as(token, "/user/sign-out-everywhere", "").expect(200)),
        &|_| drop(server.post_as(&admin, &format!("{path}/sign-out-everywhere"), "").expect(200)),
        &|_| drop(server.post_as(&admin, "/user/reset-password", &password).expect(200)),
        &|_| drop(server.put_as(&admin, &path, r#"{"password":"abc321"}"#).expect(200)),
        &|token| {
            let new = server.post_as(token, "/user/change-password", &change).expect(200).text("token");
            assert_ne!(new, token);
        },
        &|_| {
            scopes(&["user", "tester"]);
            scopes(&["user"]);
        },
    ];
    let mut earlier = vec![joe];
    // Within a second, but for a test that is slow: then there is nothing to see, and no harm.
    for _ in 0..3 {
        for revoke in revocations {
            let token = server.sign_in("joe@acme", "abc321").expect(200).text("token");
            server.get("/user", &token).expect(200);
            revoke(&token);
            server.get("/user", &token).expect(401);
            earlier.push(token);
            let next = server.sign_in("joe@acme", "abc321").expect(200).text("token");
            assert!(!earlier.contains(&next), "a revoked token was made again");
            server.get("/user", &next).expect(200);
        }
    }
    for token in &earlier {
        server.get("/user", token).expect(401);
    }
}
