//! The console's pages about what counts for everybody: configuration, access rules, keys, the audit log, apps.

use serde_json::{Value, json};

use crate::console_pages::{id_of, visit};
use crate::receivers::{MailServer, configure};
use crate::support::{TestServer, eventually};

/// What an entry of the system configuration is.
fn entry(server: &TestServer, token: &str, key: &str) -> Option<Value> {
    let entries = server.get("/config", token).expect(200).json();
    let entry = entries.as_array().unwrap().iter().find(|entry| entry["key"] == key);
    entry.map(|entry| entry["value"].clone())
}

#[test]
fn known_keys_tell_their_meaning_and_are_set_and_taken_away() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.press("Configuration");
    browser.heading("Configuration");
    browser.sees("The product's name in mails.");
    browser.fill("Find a key", "smtp_port");
    browser.sees("default: 465");
    browser.misses("APP_NAME");
    browser.press("Set … MAIL_SMTP_PORT");
    browser.fill("Value", "70000");
    browser.press("Save");
    browser.sees("Must be a port between 1 and 65535");
    browser.inspect("config-refused");
    browser.fill("Value", "2525");
    browser.press("Save");
    browser.sees("MAIL_SMTP_PORT is set");
    assert_eq!(entry(&server, &token, "MAIL_SMTP_PORT"), Some(json!(2525)));
    browser.press("Default … for MAIL_SMTP_PORT");
    browser.press("Take it away");
    browser.sees("MAIL_SMTP_PORT is back to its default");
    assert_eq!(entry(&server, &token, "MAIL_SMTP_PORT"), None);

    browser.fill("Find a key", "");
    browser.press("Set … API_USER_CREATE_SCOPE");
    browser.type_into("Value", "admin\ndeveloper");
    browser.press("Save");
    browser.sees("API_USER_CREATE_SCOPE is set");
    assert_eq!(entry(&server, &token, "API_USER_CREATE_SCOPE"), Some(json!("admin,developer")));
    browser.press("Set … DEFAULT_USER_VENDOR");
    browser.type_into("Value", "acme\n");
    browser.press("Save");
    browser.sees("DEFAULT_USER_VENDOR is set");
    assert_eq!(entry(&server, &token, "DEFAULT_USER_VENDOR"), Some(json!(["acme"])));
    browser.press("Set … MAIL_SMTP_TLS");
    browser.choose("Value", "starttls");
    browser.press("Save");
    browser.sees("MAIL_SMTP_TLS is set");
    browser.assert_quiet();
}

#[test]
fn groups_show_their_state_and_a_test_mail_what_the_mail_server_answers() {
    let replies = json!({"RCPT": ["550 5.7.1 Relaying denied"]});
    let Some(mail) = MailServer::start(&json!({"tls": "none", "replies": replies})) else { return };
    let Some((_apps, server, token, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.open("#/config");
    browser.heading("Configuration");
    browser.sees("none since this node started");
    let entries = [("MAIL_SMTP_HOST", json!("127.0.0.1")), ("MAIL_SMTP_PORT", json!(mail.port))];
    configure(&server, &token, &entries);
    browser.reload();
    browser.sees("APPMIXER_FE_URL: links lead to the reader's own machine");
    browser.sees("2 warnings");
    browser.inspect("config-groups");
    browser.press("Send a test mail …");
    assert_eq!(browser.value("Send it to"), "root@acme");
    browser.fill("Send it to", "ann@acme.example");
    browser.press("Send");
    browser.sees("it does not relay for this server");
    browser.inspect("mail-test-refused");
    browser.press("Send");
    browser.sees("The mail server took the mail");
    browser.sees("queued as 4711");
    browser.inspect("mail-test");
    browser.press("Close");
    assert_eq!(mail.mails(1)[0]["to"], json!(["ann@acme.example"]));

    server.post("/user/forgot-password", r#"{"email":"user01@example.com"}"#).expect(200);
    mail.mails(2);
    let delivered = "return document.querySelectorAll('.deliveries time').length === 1";
    eventually(|| {
        browser.reload();
        browser.heading("Configuration");
        browser.js(delivered, &[]) == true
    });
    browser.assert_quiet();
}

#[test]
fn a_secret_is_written_and_never_shown_and_goes_only_after_its_name_was_typed() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.open("#/config");
    browser.heading("Configuration");
    browser.press("Set … MAIL_SMTP_PASS");
    browser.fill("Value", "the password of the mail server");
    browser.press("Save");
    browser.sees("MAIL_SMTP_PASS is set");
    browser.press("Set … MAIL_SMTP_PASS");
    assert_eq!(browser.value("Value"), "");
    browser.press("Cancel");
    let page = browser.js("return document.documentElement.outerHTML", &[]);
    assert!(!page.as_str().unwrap().contains("the password of the mail server"));
    browser.press("Default … for MAIL_SMTP_PASS");
    browser.fill("Type the key to confirm", "MAIL_SMTP");
    browser.press("Take it away");
    browser.sees("This is not MAIL_SMTP_PASS");
    browser.fill("Type the key to confirm", "MAIL_SMTP_PASS");
    browser.press("Take it away");
    browser.sees("MAIL_SMTP_PASS is back to its default");
    assert_eq!(entry(&server, &token, "MAIL_SMTP_PASS"), None);
    browser.assert_quiet();
}

#[test]
fn entries_of_the_operators_own_are_any_json() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.open("#/config");
    browser.heading("Configuration");
    browser.press("New entry");
    browser.fill("Key", "APP_NAME");
    browser.fill("Value, as JSON", "[1,");
    browser.press("Save");
    browser.sees("Is there already");
    browser.sees("Line 1, column 4");
    browser.fill("Key", "my/own key");
    browser.fill("Value, as JSON", "[1, {\"two\": null}]");
    browser.inspect("config-own");
    browser.press("Save");
    browser.sees("my/own key is kept");
    assert_eq!(entry(&server, &token, "my/own key"), Some(json!([1, { "two": null }])));
    browser.press("Edit … my.flag");
    browser.fill("Value, as JSON", "false");
    browser.press("Save");
    browser.sees("my.flag is kept");
    assert_eq!(entry(&server, &token, "my.flag"), Some(json!(false)));
    browser.press("Delete … my/own key");
    browser.fill("Type the key to confirm", "my/own key");
    browser.press("Delete the entry");
    browser.sees("my/own key is deleted");
    assert_eq!(entry(&server, &token, "my/own key"), None);
    browser.assert_quiet();
}

#[test]
fn access_rules_are_edited_saved_as_a_whole_and_asked() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.press("Access rules");
    browser.heading("Access rules");
    browser.sees("3 rules");
    browser.press("New rule");
    browser.fill("Role", "two words");
    browser.fill("Resource", "stores");
    browser.press("Everything (*), but for what is forbidden below");
    browser.press("Take over");
    browser.sees("Say something about at least one action");
    browser.choose("read", "allowed");
    browser.choose("delete", "forbidden");
    browser.inspect("rule-dialog");
    browser.press("Take over");
    browser.sees("4 rules; not saved yet");
    browser.press("Save all");
    browser.sees("role must have 1 to 254 bytes, no white space and no control characters");
    browser.inspect("rules-refused");
    browser.press("Edit rule 4");
    browser.fill("Role", "tester");
    browser.press("Take over");
    // What is not saved is asked for.
    browser.press("Users");
    browser.press("Stay");
    browser.press("Save all");
    browser.sees("The rules are saved");
    let rules = server.get("/acl/routes", &token).expect(200).json();
    assert_eq!(
        rules[3],
        json!({ "role": "tester", "resource": "stores", "action": ["read", "!delete"], "attributes": ["*"] })
    );

    // The kind of a role is shown before it is saved, and what users could choose themselves is warned of.
    browser.sees("scope; its denials: scope or domain");
    browser.misses("Anyone may sign up");
    browser.press("New rule");
    browser.fill("Role", "joe@acme.com");
    browser.fill("Resource", "stores");
    browser.press("Take over");
    browser.sees("email address");
    browser.sees("Anyone may sign up");
    browser.inspect("rules-by-address");
    browser.press("Undo changes");
    browser.misses("Anyone may sign up");

    browser.press("Check");
    browser.sees("Is required");
    browser.fill("Resource", "stores");
    browser.press("Check");
    browser.sees("Name a user or roles");
    browser.fill("User", "user00@example.com");
    browser.press("Check");
    browser.sees("Yes, allowed");
    browser.inspect("rules-allowed");
    browser.choose("Action", "delete");
    browser.press("Check");
    browser.sees("No, forbidden");
    browser.fill("User", "nobody@nowhere");
    browser.press("Check");
    browser.misses("No, forbidden");
    browser.fill("User", "");
    browser.type_into("Roles", "user");
    browser.choose("Action", "read");
    browser.press("Check");
    browser.sees("No, forbidden");

    // Somebody else's change is not overwritten unseen.
    server.post_as(&token, "/acl/routes", "[]").expect(200);
    browser.press("Remove rule 1");
    browser.sees("3 rules; not saved yet");
    browser.press("Save all");
    browser.sees("Somebody else has changed the rules");
    browser.press("Cancel");
    assert_eq!(server.get("/acl/routes", &token).json(), json!([]));
    browser.press("Save all");
    browser.press("Replace them");
    browser.sees("The rules are saved");
    assert_eq!(server.get("/acl/routes", &token).json().as_array().unwrap().len(), 3);
    browser.assert_quiet();
}

#[test]
fn the_audit_log_is_filtered_paged_and_names_users() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.press("Audit log");
    browser.heading("Audit log");
    browser.sees("root@acme");
    let rows = || browser.js("return document.querySelectorAll('tbody tr').length", &[]);
    assert_eq!(rows(), 50);
    browser.press("Older ›");
    browser.sees("Page 2");
    browser.press("« Newest");
    browser.sees("Page 1");
    browser.press("All kinds");
    browser.inspect("audit-kinds");
    browser.press("Sign-in failed");
    browser.sees("reason: credentials");
    assert_eq!(rows(), 1);
    browser.press("Configuration set");
    browser.wait("return isSettled() && document.querySelectorAll('tbody tr').length === 3", &[]);
    browser.fill("User", "nobody");
    browser.sees("There is no such user");
    browser.fill("User", "root@acme");
    browser.wait("return isSettled() && document.querySelectorAll('tbody tr').length === 2", &[]);
    browser.reload();
    browser.wait("return isSettled() && document.querySelectorAll('tbody tr').length === 2", &[]);
    assert_eq!(browser.value("User"), "root@acme");
    browser.press("Clear all");
    browser.wait("return isSettled() && document.querySelectorAll('tbody tr').length === 50", &[]);
    let id = id_of(&server, &token, "user01");
    browser.open(&format!("#/audit?user={id}&from=2126-01-01T00:00"));
    browser.sees("No entries");
    browser.assert_quiet();
}

#[test]
fn a_key_is_rotated_and_the_old_one_retired_after_its_name_was_typed() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.press("Keys");
    browser.heading("Keys");
    browser.press("Rotate …");
    browser.inspect("rotate");
    browser.choose("Algorithm", "EdDSA (Ed25519): other services verify with the published key");
    browser.choose("Begins to sign", "at once");
    browser.press("Rotate");
    browser.sees("There is a new key");
    browser.sees("EdDSA");
    let published = server.get("/.well-known/jwks.json", "").expect(200).json();
    assert_eq!(published["keys"].as_array().unwrap().len(), 1);
    // Nobody was signed out.
    server.get("/user", &token).expect(200);
    browser.press("Retire the key configuration");
    browser.fill("Type the beginning of the id to confirm", "configur");
    browser.inspect("retire");
    browser.press("Retire the key");
    // The session's own token was signed with it.
    browser.sees("Your session has ended");
    browser.fill("Password", "abc321");
    browser.press("Sign in");
    browser.sees("The key is retired");
    server.get("/user", &token).expect(401);
    browser.assert_quiet();
}

#[test]
fn apps_are_shown_as_the_rules_have_it_or_all_of_them() {
    let Some((_apps, _server, _, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.press("Apps");
    browser.heading("Apps");
    browser.sees("2 apps");
    browser.fill("Find an app", "text");
    browser.sees("0 apps");
    browser.fill("Find an app", "gmail");
    browser.sees("1 app");
    browser.press("Gmail");
    browser.heading("acme.mail.gmail");
    browser.sees("1 component");
    browser.press("Apps");
    browser.press("Show all, whatever the access rules say");
    browser.wait("return isSettled() && location.hash === '#/apps?all=1'", &[]);
    browser.press("Gmail");
    browser.sees("2 components");
    browser.sees("private");
    // A picture from elsewhere is an image, and nothing else.
    browser.press("Apps");
    let loaded = "return [...document.querySelectorAll('img.app-icon')].some((image) => image.complete && image.naturalWidth > 0)";
    browser.wait(loaded, &[]);
    browser.assert_quiet();
}
