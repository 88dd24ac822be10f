//! The console's pages as one sees them: each in light, dark and narrow, looked at by axe-core, without an error.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::browser::Browser;
use crate::support::{TestServer, UNLIMITED};

/// Two apps, one of whose components is private.
pub(crate) fn connectors() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("acme/mail/service.json", r#"{"name":"acme.mail","label":"Mail"}"#),
        (
            "acme/mail/gmail/module.json",
            r#"{"name":"acme.mail.gmail","label":"Gmail","category":"applications","description":"Sends mail."}"#,
        ),
        (
            "acme/mail/gmail/Send/component.json",
            r#"{"name":"acme.mail.gmail.Send","description":"One mail.","inPorts":[{"name":"in"}]}"#,
        ),
        ("acme/mail/gmail/Hidden/component.json", r#"{"name":"acme.mail.gmail.Hidden","private":true}"#),
        ("acme/sms/service.json", r#"{"name":"acme.sms","label":"SMS","category":"utilities"}"#),
        (
            "acme/sms/icon.svg",
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><path d="M0 0h2v2z"/></svg>"#,
        ),
        ("acme/sms/core/Text/component.json", r#"{"name":"acme.sms.core.Text"}"#),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// A server with an administrator, some users, entries and apps.
fn populated(apps: &TempDir) -> (TestServer, String) {
    let server = TestServer::with(&[("APPMIXER_APPS__FOLDER", apps.path().to_str().unwrap()), UNLIMITED]);
    let token = server.admin();
    for number in 0..60 {
        let scope = if number % 3 == 0 { r#"["user","tester"]"# } else { r#"["user"]"# };
        let active = number % 2 == 0;
        let user = format!(
            r#"{{"username":"user{number:02}@example.com","password":"abc321","scope":{scope},"isActive":{active},"metadata":{{"n":{number}}}}}"#
        );
        server.post_as(&token, "/user", &user).expect(200);
    }
    server.post_as(&token, "/config", r#"{"key":"APP_NAME","value":"Acme"}"#).expect(200);
    server.post_as(&token, "/config", r#"{"key":"my.flag","value":{"a":[1,2]}}"#).expect(200);
    server.sign_in("user01@example.com", "wrong1").expect(403);
    (server, token)
}

/// That server with its apps, the administrator's token, and a browser that looks at it; `None` without Chromium.
pub(crate) fn visit() -> Option<(TempDir, TestServer, String, Browser)> {
    let apps = connectors();
    let (server, token) = populated(&apps);
    let browser = Browser::at(&server)?;
    Some((apps, server, token, browser))
}

/// The id of a user.
pub(crate) fn id_of(server: &TestServer, token: &str, name: &str) -> String {
    let users = server.get(&format!("/users?pattern={name}"), token).expect(200).json();
    users[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn every_page_is_accessible_in_light_dark_and_narrow_and_its_scripts_do_not_fail() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    let user = format!("#/users/{}", id_of(&server, &token, "user01"));
    browser.open("");
    browser.heading("Sign in");
    browser.inspect("sign-in");
    browser.sign_in("root@acme", "abc321");
    for (address, heading, name) in [
        ("#/", "Overview", "overview"),
        ("#/users", "Users", "users"),
        ("#/users/new", "New user", "new-user"),
        (user.as_str(), "user01@example.com", "user"),
        ("#/config", "Configuration", "config"),
        ("#/rules", "Access rules", "rules"),
        ("#/rules/components", "Access rules", "rules-components"),
        ("#/audit", "Audit log", "audit"),
        ("#/keys", "Keys", "keys"),
        ("#/apps", "Apps", "apps"),
        ("#/apps/acme.mail.gmail", "acme.mail.gmail", "app"),
        ("#/no/such/page", "There is no such page", "not-found"),
        ("#/users/zzz", "Users", "user-of-no-id"),
    ] {
        if name == "user-of-no-id" {
            browser.open(address);
            browser.sees("\"userId\" must be 24 lower-case hexadecimal digits");
        } else {
            browser.open(address);
            browser.heading(heading);
            let title = browser.js("return document.title", &[]);
            assert_eq!(title, Value::from(format!("{heading} – Console")));
        }
        browser.inspect(name);
        browser.assert_quiet();
    }
}

#[test]
fn a_page_is_there_at_once_and_all_of_it_comes_from_this_server() {
    let Some((_apps, server, _, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.reload();
    browser.heading("Overview");
    let seen = browser.js(
        "return {
            first: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null,
            hosts: [...new Set(performance.getEntriesByType('resource').map(({ name }) => new URL(name).host))],
            bytes: performance.getEntriesByType('resource').reduce((sum, one) => sum + one.transferSize, 0),
            storage: [localStorage.length, sessionStorage.length, document.cookie],
        }",
        &[],
    );
    eprintln!("first contentful paint after {} ms, {} bytes", seen["first"], seen["bytes"]);
    assert!(seen["first"].is_number(), "{seen}");
    assert_eq!(seen["hosts"], serde_json::json!([server.address]));
    // Scripts can neither read the session's cookie nor keep anything of it.
    assert_eq!(seen["storage"], serde_json::json!([0, 0, ""]));
    browser.assert_quiet();
}

#[test]
fn what_strangers_write_is_text_on_every_page_and_nothing_else() {
    const EVIL: &str = "<img/src=x/onerror=window.evil=1>";
    let apps = connectors();
    let module = apps.path().join("acme/mail/gmail/module.json");
    fs::write(module, format!(r#"{{"name":"acme.mail.gmail","label":"{EVIL}","description":"{EVIL}"}}"#))
        .unwrap();
    let (server, token) = populated(&apps);
    let name = format!("{EVIL}@acme");
    let user = format!(
        r#"{{"username":"{name}","password":"abc321","plan":"{EVIL}","vendor":"{EVIL}","metadata":{{"{EVIL}":"{EVIL}"}}}}"#
    );
    let id =
        server.post_as(&token, "/user", &user).expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
    server.post_as(&token, "/config", &format!(r#"{{"key":"{EVIL}","value":"{EVIL}"}}"#)).expect(200);
    let rule = format!(r#"[{{"role":"{EVIL}","resource":"{EVIL}","action":["*"],"attributes":["{EVIL}"]}}]"#);
    server.post_as(&token, "/acl/routes", &rule).expect(200);
    let Some(browser) = Browser::at(&server) else { return };
    browser.sign_in("root@acme", "abc321");
    let user = format!("#/users/{id}");
    for address in ["#/users", user.as_str(), "#/config", "#/rules", "#/audit", "#/apps"] {
        browser.open(address);
        browser.sees("<img/src=x");
        let taken_in =
            "return window.evil !== undefined || document.querySelector('img[src=\"x\"]') !== null";
        assert_eq!(browser.js(taken_in, &[]), false, "{address}");
        browser.assert_quiet();
    }
}

#[test]
fn the_colours_are_the_systems_until_somebody_chooses() {
    let server = TestServer::start();
    let Some(browser) = Browser::at(&server) else { return };
    let dark = || browser.js("return getComputedStyle(document.body).backgroundColor", &[]);
    browser.look(1280, true);
    browser.open("");
    browser.heading("Sign in");
    let night = dark();
    browser.press("Colours: as the system has it. Change");
    let day = dark();
    assert_ne!(night, day);
    browser.reload();
    browser.heading("Sign in");
    assert_eq!(dark(), day);
    browser.press("Colours: light. Change");
    assert_eq!(dark(), night);
    browser.look(1280, false);
    assert_eq!(dark(), night);
    browser.press("Colours: dark. Change");
    assert_eq!(dark(), day);
    browser.assert_quiet();
}

#[test]
fn a_page_can_be_used_with_the_keyboard_alone() {
    let Some((_apps, _server, _, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    // The first stop leads past the navigation.
    browser.reload();
    browser.heading("Overview");
    browser.keys("\u{E004}");
    browser.wait("return document.activeElement.className === 'skip'", &[]);
    browser.keys("\u{E007}");
    browser.wait("return document.activeElement.id === 'main'", &[]);
    assert_eq!(browser.js("return location.hash", &[]), "#/");
    // A new page takes the focus to its heading.
    browser.js("document.querySelector('nav a[href=\"#/keys\"]').focus()", &[]);
    browser.keys("\u{E007}");
    browser.heading("Keys");
    browser.wait("return document.activeElement.tagName === 'H1'", &[]);
    // A dialog takes the focus, keeps it, and gives it back.
    browser.js("named('Rotate …').focus()", &[]);
    browser.keys("\u{E007}");
    browser.wait("return document.activeElement.closest('dialog') !== null", &[]);
    browser.keys("\u{E00C}");
    browser.wait(
        "return document.querySelector('dialog') === null && nameOf(document.activeElement) === 'Rotate …'",
        &[],
    );
    browser.assert_quiet();
}
