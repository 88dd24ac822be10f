//! `GET /users` and `GET /users/count`: lists, filters, patterns and pages.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

/// An administrator's token, and users `user00@acme` to `user24@acme` of whom some have more.
fn populated(app: &TestApp) -> String {
    let admin = app.admin();
    for number in 0..25 {
        let scope = if number % 5 == 0 { r#"["user","acme1"]"# } else { r#"["user"]"# };
        let vendor = if number % 2 == 0 { "even" } else { "odd" };
        let user = format!(
            r#"{{"username":"User{number:02}@acme","email":"mail{:02}@Box","password":"abc321","scope":{scope},"vendor":"{vendor}","isActive":{},"plan":"{}"}}"#,
            24 - number,
            number % 3 == 0,
            if number == 7 { "beta" } else { "free" },
        );
        app.post_as(&admin, "/user", &user).expect(200);
    }
    admin
}

fn usernames(answer: &Answer) -> Vec<String> {
    let users = answer.json();
    users.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_list_shows_users_as_one_user_is_shown_and_how_many_there_are() {
    let app = TestApp::start();
    let admin = populated(&app);
    let answer = app.get("/users?limit=3", &admin).expect(200);
    assert_eq!(usernames(&answer), ["User24@acme", "User23@acme", "User22@acme"], "the newest first");
    assert_eq!(answer.header("x-total-count"), Some("26"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let first = answer.json()[0].clone();
    let id = first["id"].as_str().unwrap();
    assert_eq!(app.get(&format!("/users/{id}"), &admin).expect(200).json(), first);
    let all = app.get("/users", &admin).expect(200);
    assert_eq!((usernames(&all).len(), all.header("link")), (26, None));
    assert_eq!(app.get("/users/count", &admin).expect(200).body, r#"{"count":26}"#);
}

#[test]
fn lists_come_in_every_order_and_by_pages_whose_links_lead_through_all() {
    let app = TestApp::start();
    let admin = populated(&app);
    for (sort, first) in [
        ("created:-1", "User24@acme"),
        ("username:1", "root@acme"),
        ("username:-1", "User24@acme"),
        ("email:1", "User24@acme"),
        ("email:-1", "root@acme"),
    ] {
        let mut path = format!("/users?sort={sort}&limit=7&filter=scope:user");
        let mut seen = Vec::new();
        loop {
            let page = app.get(&path, &admin).expect(200);
            seen.extend(usernames(&page));
            let Some(next) = page.header("link").and_then(|links| target(links, "next")) else { break };
            path = format!("/users{next}");
        }
        assert_eq!(seen[0], first, "{sort}");
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!((seen.len(), once.len()), (26, 26), "{sort}");
    }
    let middle = app.get("/users?limit=10&offset=10", &admin).expect(200);
    let links = middle.header("link").unwrap();
    for (relation, query) in [("first", 0), ("prev", 0), ("next", 20), ("last", 20)] {
        assert_eq!(target(links, relation).unwrap(), format!("?limit=10&offset={query}"), "{links}");
    }
    let behind = app.get("/users?offset=4294967295", &admin).expect(200);
    assert_eq!((behind.body.as_str(), behind.header("x-total-count")), ("[]", Some("26")));
}

#[test]
fn filters_and_patterns_all_hold_and_counts_agree() {
    let app = TestApp::start();
    let admin = populated(&app);
    for (query, count) in [
        ("filter=scope:acme1", 5),
        ("filter=scope:acme1&filter=vendor:even", 3),
        ("filter=plan:beta", 1),
        ("filter=isActive:true&filter=scope:acme1&filter=plan:free", 2),
        ("filter=scope:nobody", 0),
        ("pattern=user1", 10),
        ("pattern=USER1", 10),
        ("pattern=@box", 25),
        ("pattern=mail2", 5),
        ("pattern=r2", 5),
        ("pattern=4", 6),
        ("pattern=%25", 0),
        ("pattern=user0&filter=vendor:odd", 5),
        ("pattern=e&filter=plan:beta", 1),
    ] {
        let answer = app.get(&format!("/users?{query}"), &admin).expect(200);
        assert_eq!(usernames(&answer).len(), count, "{query}");
        assert_eq!(answer.header("x-total-count"), Some(count.to_string().as_str()), "{query}");
        let counted = app.get(&format!("/users/count?{query}"), &admin).expect(200).json();
        assert_eq!(counted, json!({ "count": count }), "{query}");
    }
}

#[test]
fn whatever_is_wrong_with_a_question_is_named() {
    let app = TestApp::start();
    let admin = app.admin();
    for (query, path) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("sort=id:1", "sort"),
        ("sort=created:0", "sort"),
        ("filter=scope", "filter"),
        ("filter=shoe:47", "filter"),
        ("filter=isActive:maybe", "filter"),
        ("filter=scope:a%20b", "filter"),
        (&"filter=plan:free&".repeat(9), "filter"),
        ("pattern=", "pattern"),
        ("pattern=a%00b", "pattern"),
        (&format!("pattern={}", "a".repeat(255)), "pattern"),
    ] {
        let details = app.get(&format!("/users?{query}"), &admin).expect(400).json()["details"].clone();
        assert_eq!(details[0]["path"], path, "{query}: {details}");
    }
    let all = app.get("/users?limit=0&offset=x&sort=&filter=a&pattern=", &admin).expect(400).json();
    let paths: Vec<&Value> =
        all["details"].as_array().unwrap().iter().map(|detail| &detail["path"]).collect();
    assert_eq!(paths, ["limit", "offset", "sort", "filter", "pattern"]);
    app.get("/users/count?filter=shoe:47", &admin).error(400);

    let joe = app.user("joe@acme");
    for path in ["/users", "/users/count"] {
        app.get(path, &joe).error(403);
        app.request("GET", path, &[], b"").error(401);
        app.post_as(&admin, path, "{}").error(405);
    }
}

fn target(links: &str, relation: &str) -> Option<String> {
    let link = links.split(", ").find(|link| link.ends_with(&format!("rel=\"{relation}\"")))?;
    Some(link.strip_prefix('<')?.split_once('>')?.0.to_owned())
}
