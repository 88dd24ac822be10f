//! A name has one owner, in whatever spelling of its domain.

use serde_json::json;

use crate::support::TestServer;

fn sign_up(server: &TestServer, name: &str) -> u16 {
    server.post("/user", &json!({"username": name, "password": "abc321"}).to_string()).status
}

#[test]
fn a_sign_up_for_another_spelling_of_a_taken_name_is_refused() {
    let server = TestServer::start();
    for [first, second] in [
        ["joe@b\u{fc}cher.example", "joe@xn--bcher-kva.example"],
        ["ann@xn--bcher-kva.example", "ANN@B\u{dc}CHER.Example"],
        ["eve@b\u{fc}cher.\u{442}\u{435}\u{441}\u{442}", "eve@xn--bcher-kva.\u{442}\u{435}\u{441}\u{442}"],
    ] {
        assert_eq!(sign_up(&server, first), 200, "{first}");
        assert_eq!(sign_up(&server, second), 409, "{second}");
        // One signs in with the name as it was given, in any case.
        server.sign_in(&first.to_uppercase(), "abc321").expect(200);
        server.sign_in(second, "abc321");
    }
    let admin = server.admin();
    let id = server.get("/user", &server.user("new@acme")).text("id");
    let body = json!({"email": "joe@xn--bcher-kva.example"}).to_string();
    server.put_as(&admin, &format!("/users/{id}"), &body).error(409);
    // Spellings that no one looks up are nobody's: an account with one could not be found by the usual one.
    for unusual in
        ["joe@\u{ff41}cme.com", "joe@acme\u{3002}com", "joe@acme.com.", "joe@b\u{fc}cher\u{3002}example"]
    {
        for when in ["before", "after"] {
            let body = json!({"username": unusual, "password": "abc321"}).to_string();
            let refused = server.post("/user", &body).expect(400).json();
            assert_eq!(refused["details"][0]["path"], "username", "{unusual} {when}");
            let body = json!({"email": unusual}).to_string();
            server.put_as(&admin, &format!("/users/{id}"), &body).error(400);
            let add = server.command(&["user", "add", unusual, "--password-stdin"], "abc321\n");
            assert_eq!(add.status.code(), Some(1), "{unusual} {when}");
            if when == "before" && unusual.contains("cme") {
                sign_up(&server, "joe@acme.com");
            }
        }
    }
    // The same address in two spellings is one user's.
    let both = json!({"username": "max@b\u{fc}cher.example", "email": "max@xn--bcher-kva.example", "password": "abc321"});
    server.post("/user", &both.to_string()).expect(200);
    // Another person's address is another one.
    assert_eq!(sign_up(&server, "joe@bucher.example"), 200);
    server.assert_well();
}
