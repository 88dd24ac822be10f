//! The access rules: six routes for administrators.

use std::thread;

use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const ROUTES: &str = r#"[{"role":"admin","resource":"flows","action":["*"],"attributes":["*"]},{"role":"user","resource":"flows","action":["*"],"attributes":["*"]},{"role":"tester","resource":"flows","action":["*"],"attributes":["*"]}]"#;
const COMPONENTS: &str = r#"[{"role":"admin","resource":"*","action":["*"],"attributes":["non-private"]},{"role":"user","resource":"*","action":["*"],"attributes":["non-private"]},{"role":"tester","resource":"*","action":["*"],"attributes":["non-private"]}]"#;

#[test]
fn the_defaults_are_there_until_they_are_replaced_and_an_empty_list_is_none_at_all() {
    let app = TestApp::start();
    let admin = app.admin();
    assert_eq!(app.get("/acl-types", &admin).expect(200).body, r#"["routes","components"]"#);
    let routes = app.get("/acl/routes", &admin).expect(200);
    assert_eq!(routes.body, ROUTES);
    assert_eq!(routes.header("cache-control"), Some("no-store"));
    assert_eq!(app.get("/acl/components", &admin).expect(200).body, COMPONENTS);
    assert_eq!(app.post_as(&admin, "/acl/routes", "[]").expect(200).body, "[]");
    assert_eq!(app.get("/acl/routes", &admin).expect(200).body, "[]");
    assert_eq!(app.get("/acl/components", &admin).expect(200).body, COMPONENTS);
}

#[test]
fn what_rules_can_say_is_listed_with_what_they_say_already() {
    let app = TestApp::start();
    let admin = app.admin();
    let list = |path: &str| app.get(path, &admin).expect(200).body;
    assert_eq!(list("/acl/routes/resources"), r#"["*","flows"]"#);
    assert_eq!(list("/acl/routes/resource/flows/attributes"), r#"["*","non-private"]"#);
    let rules = r#"[{"role":"user","resource":"stores","action":["read"],"attributes":["x","*"]},
        {"role":"tester","resource":"a/b č","action":["read"],"attributes":["y"]}]"#;
    app.post_as(&admin, "/acl/routes", rules).error(400);
    app.post_as(&admin, "/acl/routes", &rules.replace("b č", "č")).expect(200);
    assert_eq!(list("/acl/routes/resources"), r#"["*","flows","stores","a/č"]"#);
    assert_eq!(list("/acl/routes/resource/stores/attributes"), r#"["*","non-private","x"]"#);
    assert_eq!(list("/acl/routes/resource/a%2F%C4%8D/attributes"), r#"["*","non-private","y"]"#);
    assert_eq!(list("/acl/components/resource/stores/attributes"), r#"["*","non-private"]"#);
    for kind in ["routes", "components"] {
        assert_eq!(
            list(&format!("/acl/{kind}/actions")),
            r#"["*","read","!read","create","!create","update","!update","delete","!delete"]"#
        );
    }
    for bad in ["%ff", "a%20b", &"x".repeat(255)] {
        let answer = app.get(&format!("/acl/routes/resource/{bad}/attributes"), &admin).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "resource", "{}", answer.body);
    }
}

#[test]
fn access_rules_are_for_administrators_alone_and_have_two_types() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    let paths = ["", "/resources", "/actions", "/resource/flows/attributes"];
    let of = |kind: &str| paths.map(|path| format!("/acl/{kind}{path}"));
    for path in of("routes").iter().chain(&of("nothing")).map(String::as_str).chain(["/acl-types"]) {
        app.request("GET", path, &[], b"").error(401);
        app.get(path, &joe).error(403);
    }
    app.post("/acl/routes", "[]").error(401);
    app.post_as(&joe, "/acl/routes", "no JSON").error(403);
    assert_eq!(app.get("/acl/routes", &admin).body, ROUTES);

    for path in of("nothing") {
        assert_eq!(app.get(&path, &admin).error(404), "There is no such type of access rules");
    }
    app.post_as(&admin, "/acl/nothing", "[]").error(404);
    let deleted = app.delete_as(&admin, "/acl/routes").expect(405);
    assert_eq!(deleted.header("allow"), Some("get, head, post, options"));
}

#[test]
fn a_bad_rule_is_named_by_its_place_and_changes_nothing() {
    let app = TestApp::start();
    let admin = app.admin();
    let rule = |change: &[(&str, Value)]| {
        let mut rule = json!({"role": "user", "resource": "flows", "action": ["*"], "attributes": ["*"]});
        for (member, value) in change {
            rule[*member] = value.clone();
        }
        rule
    };
    let good = rule(&[]);
    let paths = |answer: Answer| -> Vec<String> {
        let details = answer.expect(400).json()["details"].clone();
        details.as_array().unwrap().iter().map(|d| d["path"].as_str().unwrap().to_owned()).collect()
    };
    for (bad, path) in [
        (json!(7), "[1]"),
        (json!(null), "[1]"),
        (rule(&[("role", json!(null))]), "[1].role"),
        (rule(&[("role", json!("a b"))]), "[1].role"),
        (rule(&[("role", json!("x".repeat(255)))]), "[1].role"),
        (rule(&[("resource", json!(""))]), "[1].resource"),
        (rule(&[("resource", json!(["flows"]))]), "[1].resource"),
        (rule(&[("action", json!(null))]), "[1].action"),
        (rule(&[("action", json!([]))]), "[1].action"),
        (rule(&[("action", json!("*"))]), "[1].action"),
        (rule(&[("action", json!(["read", "write"]))]), "[1].action"),
        (rule(&[("action", json!(vec!["*"; 33]))]), "[1].action"),
        (rule(&[("attributes", json!("*"))]), "[1].attributes"),
        (rule(&[("attributes", json!(["\u{0}"]))]), "[1].attributes"),
        (rule(&[("attributes", json!(vec!["*"; 33]))]), "[1].attributes"),
    ] {
        let body = json!([good, bad]).to_string();
        assert_eq!(paths(app.post_as(&admin, "/acl/routes", &body)), [path], "{body}");
    }
    let all = app.post_as(&admin, "/acl/routes", r#"[{},{"role":"user","resource":"","action":[1]}]"#);
    assert_eq!(
        paths(all),
        ["[0].role", "[0].resource", "[0].action", "[1].resource", "[1].action"].map(str::to_owned)
    );
    let many = Value::from(vec![json!({}); 1001]).to_string();
    assert_eq!(paths(app.post_as(&admin, "/acl/routes", &many)), ["[1000]"]);
    for no_array in ["{}", "null", "\"[]\"", "[", ""] {
        app.post_as(&admin, "/acl/routes", no_array).error(400);
    }
    let bearer = format!("Bearer {admin}");
    let form = [("Authorization", bearer.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    app.request("POST", "/acl/routes", &form, b"a=b").error(415);
    assert_eq!(app.get("/acl/routes", &admin).expect(200).body, ROUTES);
}

#[test]
fn of_two_quick_replacements_one_stands_as_a_whole_and_the_later_one_in_a_row() {
    let app = TestApp::start();
    let admin = app.admin();
    let rules = |resource: &str| {
        let rule = json!({"role": "user", "resource": resource, "action": ["*"], "attributes": ["*"]});
        Value::from(vec![rule; 20])
    };
    thread::scope(|scope| {
        for resource in ["a", "b"] {
            let (app, admin, body) = (&app, &admin, rules(resource).to_string());
            scope.spawn(move || {
                for _ in 0..10 {
                    app.post_as(admin, "/acl/routes", &body).expect(200);
                }
            });
        }
    });
    let kept = app.get("/acl/routes", &admin).expect(200).json();
    assert!(kept == rules("a") || kept == rules("b"), "{kept}");
    for resource in ["a", "b"] {
        app.post_as(&admin, "/acl/routes", &rules(resource).to_string()).expect(200);
        assert_eq!(app.get("/acl/routes", &admin).expect(200).json(), rules(resource));
    }
}

#[test]
fn a_bad_question_about_rules_is_told_all_that_is_wrong_with_it() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme.com"));
    let good = r#"{"user":"joe@acme.com","resource":"flows","action":"read"}"#;
    app.post("/acl/routes/check", good).error(401);
    app.post_as(&joe, "/acl/routes/check", good).error(403);
    app.post_as(&admin, "/acl/nothing/check", good).error(404);
    app.get("/acl/routes/check", &admin).error(405);
    app.post_as(&admin, "/acl/routes/check", "").error(400);
    for unknown in ["eoj@acme.com", "0123456789abcdef01234567"] {
        let question = good.replace("joe@acme.com", unknown);
        assert_eq!(app.post_as(&admin, "/acl/routes/check", &question).error(404), "User not found");
    }
    for (question, paths) in [
        (json!({}), &["user", "resource", "action"][..]),
        (json!({"user": null, "roles": null, "resource": "x", "action": "read"}), &["user"]),
        (json!({"user": "a@b", "roles": [], "resource": "x", "action": "read"}), &["roles"]),
        (json!({"user": "a", "resource": "x y", "action": "*"}), &["user", "resource", "action"]),
        (json!({"user": 7, "resource": 7, "action": "READ"}), &["user", "resource", "action"]),
        (json!({"roles": "user", "resource": "", "action": ["read"]}), &["roles", "resource", "action"]),
        (json!({"roles": ["a b"], "resource": "x", "action": "read"}), &["roles"]),
        (json!({"roles": vec!["a"; 33], "resource": "x", "action": "read"}), &["roles"]),
        (json!({"roles": [], "resource": "x".repeat(255), "action": "read"}), &["resource"]),
        (json!({"roles": [], "resource": "x", "action": "read", "attributes": "private"}), &["attributes"]),
    ] {
        let answer = app.post_as(&admin, "/acl/routes/check", &question.to_string()).expect(400).json();
        let told =
            answer["details"].as_array().unwrap().iter().map(|detail| detail["path"].as_str().unwrap());
        let mut told: Vec<_> = told.collect();
        told.sort_by_key(|path| {
            ["user", "roles", "resource", "action", "attributes"].iter().position(|p| p == path)
        });
        assert_eq!(told, paths, "{question}: {answer}");
    }
}
