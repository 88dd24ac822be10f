//! The console on a narrow screen: long content wraps (WCAG 2.2, 1.4.10 Reflow).

use serde_json::json;

use crate::browser::Browser;
use crate::console_pages::connectors;
use crate::support::{TestServer, UNLIMITED};

const ADMIN: &str = "root@acme";

/// A text without a place at which it breaks by itself.
fn long(length: usize) -> String {
    "abcdefgh".repeat(length / 8 + 1)[..length].to_owned()
}

/// A server on which everything that has a name has a long one, and the address of a user's page.
fn populated(apps: &tempfile::TempDir) -> (TestServer, String) {
    let gmail =
        json!({"name": "acme.mail.gmail", "label": long(90), "category": long(60), "description": long(300)});
    std::fs::write(apps.path().join("acme/mail/gmail/module.json"), gmail.to_string()).unwrap();
    let server = TestServer::with(&[("APPMIXER_APPS__FOLDER", apps.path().to_str().unwrap()), UNLIMITED]);
    let token = server.admin();
    let user = json!({
        "username": format!("{}@{}", long(120), long(130)), "password": "abc321", "scope": ["user", long(64)],
        "plan": long(100), "vendor": [long(100)], "metadata": {long(80): long(200)},
    });
    let user = server.post_as(&token, "/user", &user.to_string()).expect(200).json();
    let entries = [
        (long(200), json!(long(400))),
        ("APP_NAME".to_owned(), json!(long(200))),
        ("MAIL_SMTP_HOST".to_owned(), json!("127.0.0.1")),
        ("MAIL_SMTP_PORT".to_owned(), json!(1)),
        ("WEBHOOK_USER_CREATED".to_owned(), json!(format!("http://127.0.0.1:1/{}", long(300)))),
    ];
    for (key, value) in entries {
        server.post_as(&token, "/config", &json!({"key": key, "value": value}).to_string()).expect(200);
    }
    let rule = json!([{
        "role": format!("{}@{}", long(120), long(130)), "resource": long(200), "action": ["read", "!delete"],
        "attributes": [long(100)],
    }]);
    server.post_as(&token, "/acl/routes", &rule.to_string()).expect(200);
    for _ in 0..2 {
        server.done(&["key", "rotate", "--algorithm", "eddsa"], "");
    }
    server.sign_in(user["user"]["username"].as_str().unwrap(), "wrong1").expect(403);
    server.post("/user/forgot-password", &json!({"email": ADMIN}).to_string()).expect(200);
    let id = user["user"]["id"].as_str().unwrap().to_owned();
    (server, id)
}

/// What sticks out on the right of the window, in pixels, and the elements that do.
const TOO_WIDE: &str = "
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const out = [...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > clientWidth + 1);
    return [`${scrollWidth - clientWidth} pixels`, ...out.slice(-3).map((e) => e.outerHTML.slice(0, 200))]";

#[test]
fn every_page_with_long_content_fits_a_screen_of_320_pixels() {
    let apps = connectors();
    let (server, user) = populated(&apps);
    let Some(browser) = Browser::at(&server) else { return };
    browser.sign_in(ADMIN, "abc321");
    let user = format!("#/users/{user}");
    for (number, (address, shows)) in [
        ("#/", "Overview"),
        ("#/users", "abcdefgh"),
        ("#/users/new", "New user"),
        (user.as_str(), "abcdefgh"),
        ("#/config", "abcdefgh"),
        ("#/rules", "abcdefgh"),
        ("#/audit", "Key rotated"),
        ("#/keys", "EdDSA"),
        ("#/apps", "abcdefgh"),
        ("#/apps/acme.mail.gmail", "acme.mail.gmail"),
    ]
    .into_iter()
    .enumerate()
    {
        for width in [360, 320] {
            browser.look(width, false);
            browser.open(address);
            browser.sees(shows);
            assert_eq!(browser.js(TOO_WIDE, &[]), json!([]), "{address} at {width} pixels");
        }
        browser.inspect(&format!("long-{number}"));
        browser.assert_quiet();
    }
}
