//! The console's pages about users, used as an operator does, and what they do to the users.

use serde_json::{Value, json};

use crate::console_pages::{id_of, visit};

const ROWS: &str =
    "return [...document.querySelectorAll('tbody tr td:first-child')].map((cell) => cell.textContent)";

#[test]
fn users_are_searched_filtered_sorted_and_paged_and_the_address_keeps_it() {
    let Some((_apps, _server, _, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.press("Users");
    browser.heading("Users");
    browser.sees("61 users, 1 to 25 shown");
    let rows = || browser.js(ROWS, &[]);
    assert_eq!(rows()[0], "user59@example.com");

    browser.press("Last page");
    browser.sees("61 users, 51 to 61 shown");
    assert_eq!(rows()[10], "root@acme");
    browser.back();
    browser.sees("1 to 25 shown");
    browser.fill("Page", "2\u{E007}");
    browser.sees("26 to 50 shown");

    browser.fill("Search by a part of the username or email", "USER1");
    browser.sees("10 users");
    assert_eq!(rows().as_array().unwrap().len(), 10);
    browser.press("Username");
    browser.wait(&format!("{ROWS}[0] === 'user10@example.com'"), &[]);
    browser.fill("Scope", "tester");
    browser.sees("3 users");
    browser.choose("Active", "active");
    browser.sees("2 users");
    assert_eq!(rows(), json!(["user12@example.com", "user18@example.com"]));

    // The whole question is in the address.
    browser.reload();
    browser.sees("2 users");
    assert_eq!(browser.value("Search by a part of the username or email"), "USER1");
    assert_eq!(rows(), json!(["user12@example.com", "user18@example.com"]));
    browser.fill("Search by a part of the username or email", "nobody");
    browser.sees("Nobody matches");
    browser.inspect("users-none");
    browser.press("Clear all");
    browser.sees("61 users");
    browser.assert_quiet();
}

#[test]
fn an_answer_that_comes_late_does_not_replace_a_later_question() {
    let Some((_apps, _server, _, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.open("#/users");
    browser.sees("61 users");
    // The first question's answer is held back until the second one's is there.
    browser.js(
        "const real = window.fetch; window.asked = [];
         window.fetch = async (url, options) => {
            window.asked.push(String(url));
            const answer = await real(url, options);
            if (String(url).includes('pattern=user1&') || String(url).endsWith('pattern=user1'))
                await new Promise((resolve) => { window.letGo = resolve; });
            return answer;
         }",
        &[],
    );
    browser.fill("Search by a part of the username or email", "user1");
    browser.wait("return typeof window.letGo === 'function'", &[]);
    browser.type_into("Search by a part of the username or email", "2");
    browser.sees("1 user");
    browser.js("window.letGo()", &[]);
    browser.wait(
        &format!("{ROWS}.length === 1 && document.querySelector('.count').textContent === '1 user'"),
        &[],
    );
    browser.assert_quiet();
}

#[test]
fn a_user_is_made_and_what_is_wrong_is_told_at_its_field() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.open("#/users");
    browser.press("New user");
    browser.heading("New user");
    browser.press("Make the user");
    browser.sees("Is required");
    browser.fill("Username", "no name");
    browser.fill("Email", "nor address");
    browser.fill("Password", "abc");
    browser.press("Make the user");
    // Two at once, each at its field.
    browser.wait("return isSettled() && document.querySelectorAll('[aria-invalid]').length === 2", &[]);
    browser.fill("Username", "new@example.com");
    browser.fill("Email", "");
    browser.press("Make the user");
    browser.sees("Must have at least 6 characters");
    browser.inspect("new-user-refused");
    browser.fill("Username", "user01@example.com");
    browser.press("Make one up");
    assert_eq!(browser.value("Password").len(), 20);
    browser.press("Make the user");
    browser.sees("The username or email is already taken");

    browser.fill("Username", "new@example.com");
    browser.type_into("Scopes", "developer\nprivate\n");
    browser.press("Remove user");
    browser.fill("Plan", "gold");
    browser.type_into("Vendors", "acme, other");
    browser.press("Active");
    browser.fill("Metadata", "{\n  \"a\": 1,\n  \"b\": }");
    browser.sees("Line 3, column 8: a value is expected here");
    browser.fill("Metadata", "{ \"a\": 1, \"a\": 2 }");
    browser.sees("the key \"a\" is there twice");
    browser.fill("Metadata", "[1]");
    browser.sees("Must be an object");
    browser.fill("Metadata", "{ \"team\": \"blue\" }");
    browser.press("Make the user");
    browser.heading("new@example.com");
    let user = server.get(&format!("/users/{}", id_of(&server, &token, "new@example.com")), &token).json();
    assert_eq!(user["scope"], json!(["developer", "private"]));
    assert_eq!(user["plan"], "gold");
    assert_eq!(user["vendor"], json!(["acme", "other"]));
    assert_eq!(user["isActive"], true);
    assert_eq!(user["metadata"], json!({ "team": "blue" }));
    browser.assert_quiet();
}

#[test]
fn a_user_is_changed_and_unsaved_changes_are_not_left_unasked() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    let id = id_of(&server, &token, "user07");
    browser.sign_in("root@acme", "abc321");
    browser.open(&format!("#/users/{id}"));
    browser.heading("user07@example.com");
    browser.fill("Email", "seven@example.com");
    browser.press("Keys");
    browser.sees("Leave without saving?");
    browser.inspect("leave-unsaved");
    browser.press("Stay");
    browser.heading("user07@example.com");
    assert_eq!(browser.value("Email"), "seven@example.com");
    assert_eq!(browser.js("return location.hash", &[]), Value::from(format!("#/users/{id}")));
    browser.press("Keys");
    browser.press("Leave");
    browser.heading("Keys");

    browser.open(&format!("#/users/{id}"));
    browser.heading("user07@example.com");
    assert_eq!(browser.value("Email"), "user07@example.com");
    browser.fill("Email", "user08@example.com");
    browser.press("Save");
    browser.sees("The username or email is already taken");
    browser.fill("Email", "seven@example.com");
    browser.fill("Username", "seven@example.com");
    browser.type_into("Scopes", "tester\n");
    browser.type_into("Private components", "acme.mail.gmail.Hidden\n");
    browser.fill("Metadata", "{\"n\":8}");
    browser.press("Save");
    browser.heading("seven@example.com");
    browser.sees("User changed");
    let user = server.get(&format!("/users/{id}"), &token).expect(200).json();
    assert_eq!(user["email"], "seven@example.com");
    assert_eq!(user["scope"], json!(["user", "tester"]));
    assert_eq!(user["metadata"], json!({ "n": 8 }));
    // What was saved is what the page shows when it is loaded anew.
    browser.reload();
    browser.heading("seven@example.com");
    browser.press("Remove acme.mail.gmail.Hidden");
    browser.press("Undo changes");
    browser.press("Remove acme.mail.gmail.Hidden");
    browser.press("Save");
    browser.sees("Saved");
    browser.open("#/users");
    browser.heading("Users");
    browser.assert_quiet();
}

#[test]
fn a_password_is_reset_and_a_user_is_signed_out_everywhere() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    let theirs = server.sign_in("user05@example.com", "abc321").expect(200).text("token");
    browser.sign_in("root@acme", "abc321");
    browser.open(&format!("#/users/{}", id_of(&server, &token, "user05")));
    browser.heading("user05@example.com");
    browser.press("Sign out everywhere …");
    browser.inspect("sign-out-everywhere");
    browser.press("Cancel");
    server.get("/user", &theirs).expect(200);
    browser.press("Sign out everywhere …");
    browser.press("Sign out everywhere");
    browser.sees("user05@example.com is signed out everywhere");
    server.get("/user", &theirs).expect(401);

    browser.press("Reset password …");
    browser.fill("New password", "abc");
    browser.press("Reset");
    browser.sees("Must have at least 6 characters");
    browser.inspect("reset-password");
    browser.fill("New password", "a better one");
    browser.press("Reset");
    browser.sees("The password is reset");
    server.sign_in("user05@example.com", "abc321").expect(403);
    server.sign_in("user05@example.com", "a better one").expect(200);
    browser.sees("Password reset");
    browser.assert_quiet();
}

#[test]
fn a_user_is_deleted_after_its_name_was_typed_and_the_last_administrator_stays() {
    let Some((_apps, server, token, browser)) = visit() else { return };
    let id = id_of(&server, &token, "user06");
    browser.sign_in("root@acme", "abc321");
    browser.open(&format!("#/users/{id}"));
    browser.heading("user06@example.com");
    browser.press("Delete …");
    browser.fill("Type the username to confirm", "user07@example.com");
    browser.press("Delete the user");
    browser.sees("This is not user06@example.com");
    browser.inspect("delete-user");
    server.get(&format!("/users/{id}"), &token).expect(200);
    browser.fill("Type the username to confirm", "user06@example.com");
    browser.press("Delete the user");
    browser.heading("Users");
    browser.sees("user06@example.com is deleted");
    browser.sees("60 users");
    server.get(&format!("/users/{id}"), &token).expect(404);
    // Its page is gone, and the log still tells of it.
    browser.open(&format!("#/users/{id}"));
    browser.sees("User not found");
    browser.open(&format!("#/audit?user={id}"));
    browser.sees("(deleted)");

    let root = id_of(&server, &token, "root");
    browser.open(&format!("#/users/{root}"));
    browser.heading("root@acme");
    browser.press("Delete …");
    browser.fill("Type the username to confirm", "root@acme");
    browser.press("Delete the user");
    browser.sees("The last administrator must stay");
    browser.press("Cancel");
    browser.press("Remove admin");
    browser.press("Save");
    browser.press("Give them up");
    browser.sees("The last administrator must stay");
    browser.assert_quiet();
}
