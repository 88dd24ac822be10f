//! Coming and going: the set-up link, signing in and out, and a session that ends while somebody works.

use crate::browser::Browser;
use crate::console_pages::{id_of, visit};
use crate::support::{TestServer, UNLIMITED, eventually};

/// The link that a server without an administrator has logged, from `#` on.
fn set_up_link(server: &TestServer) -> String {
    eventually(|| server.log().contains("#/setup/"));
    let log = server.log();
    let start = log.find("#/setup/").unwrap();
    log[start..].chars().take_while(|letter| !matches!(letter, '"' | ' ' | '\\')).collect()
}

#[test]
fn the_link_in_the_log_makes_the_first_administrator_and_is_then_worth_nothing() {
    let server = TestServer::with(&[UNLIMITED]);
    let Some(browser) = Browser::at(&server) else { return };
    let link = set_up_link(&server);
    browser.open(&link);
    browser.heading("Make the first administrator");
    browser.inspect("set-up");
    browser.fill("Username", "root@acme");
    browser.fill("Password", "abc321");
    browser.fill("The password again", "abc322");
    browser.press("Make the administrator");
    browser.sees("Is not the same");
    browser.fill("The password again", "abc321");
    browser.press("Make the administrator");
    browser.heading("Overview");
    assert_eq!(server.sign_in("root@acme", "abc321").expect(200).json()["user"]["username"], "root@acme");

    browser.press("Sign out");
    browser.heading("Sign in");
    browser.open(&link);
    browser.heading("Make the first administrator");
    browser.fill("Username", "other@acme");
    browser.fill("Password", "abc321");
    browser.fill("The password again", "abc321");
    browser.press("Make the administrator");
    browser.wait("return isSettled() && document.querySelector('.problem') !== null", &[]);
    browser.inspect("set-up-refused");
    server.sign_in("other@acme", "abc321").expect(403);
    browser.assert_quiet();
}

#[test]
fn only_administrators_get_in_and_whoever_had_to_sign_in_gets_where_they_wanted() {
    let Some((_apps, _server, _, browser)) = visit() else { return };
    browser.open("#/audit?kind=sign-in-failed");
    browser.heading("Sign in");
    for (name, password) in [("user01@example.com", "abc321"), ("root@acme", "wrong1")] {
        browser.fill("Username or email", name);
        browser.fill("Password", password);
        browser.press("Sign in");
        browser.wait("return isSettled() && document.querySelector('.problem') !== null", &[]);
        assert_eq!(browser.value("Password"), "");
    }
    browser.inspect("sign-in-refused");
    browser.fill("Username or email", "root@acme");
    browser.fill("Password", "abc321");
    browser.press("Sign in");
    browser.heading("Audit log");
    assert_eq!(browser.js("return location.hash", &[]), "#/audit?kind=sign-in-failed");
    browser.reload();
    browser.heading("Audit log");

    browser.press("Keys");
    browser.heading("Keys");
    browser.press("Sign out");
    browser.heading("Sign in");
    // Nothing of what was seen is left, nor comes back.
    browser.misses("root@acme");
    browser.back();
    browser.heading("Sign in");
    browser.reload();
    browser.heading("Sign in");
    browser.assert_quiet();
}

#[test]
fn a_session_that_ends_asks_for_the_password_and_keeps_what_was_typed() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    let id = id_of(&server, &token, "user03");
    browser.sign_in("root@acme", "abc321");
    browser.open(&format!("#/users/{id}"));
    browser.heading("user03@example.com");
    browser.fill("Plan", "gold");
    browser.forget_session();
    browser.press("Save");
    browser.sees("Your session has ended");
    browser.inspect("session-ended");
    browser.fill("Password", "wrong1");
    browser.press("Sign in");
    browser.wait("return document.querySelector('dialog .problem') !== null", &[]);
    browser.fill("Password", "abc321");
    browser.press("Sign in");
    browser.sees("Saved");
    assert_eq!(server.get(&format!("/users/{id}"), &token).json()["plan"], "gold");

    // Whoever does not want to go on is signed out.
    browser.forget_session();
    browser.press("Users");
    browser.sees("Your session has ended");
    browser.press("Leave");
    browser.heading("Sign in");
    browser.assert_quiet();
}

#[test]
fn a_server_that_is_away_is_told_and_asked_again() {
    let Some((_apps, _server, _, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.open("#/users");
    browser.sees("61 users");
    browser.js("const real = window.fetch; window.comeBack = () => { window.fetch = real; }; window.fetch = () => Promise.reject(new TypeError('away'))", &[]);
    browser.press("Next page");
    browser.sees("The server cannot be reached");
    browser.inspect("users-away");
    browser.js("window.comeBack()", &[]);
    browser.press("Try again");
    browser.sees("26 to 50 shown");
    browser.assert_quiet();
}
