//! The access rules: six routes for administrators.

use std::thread;

use serde_json::{Value, json};

use crate::support::{Answer, TestServer};

const ROUTES: &str = r#"[{"role":"admin","resource":"flows","action":["*"],"attributes":["*"]},{"role":"user","resource":"flows","action":["*"],"attributes":["*"]},{"role":"tester","resource":"flows","action":["*"],"attributes":["*"]}]"#;
const COMPONENTS: &str = r#"[{"role":"admin","resource":"*","action":["*"],"attributes":["non-private"]},{"role":"user","resource":"*","action":["*"],"attributes":["non-private"]},{"role":"tester","resource":"*","action":["*"],"attributes":["non-private"]}]"#;

#[test]
fn the_defaults_are_there_until_they_are_replaced_and_an_empty_list_is_none_at_all() {
    let server = TestServer::start();
    let admin = server.admin();
    assert_eq!(server.get("/acl-types", &admin).expect(200).body, r#"["routes","components"]"#);
    let routes = server.get("/acl/routes", &admin).expect(200);
    assert_eq!(routes.body, ROUTES);
    assert_eq!(routes.header("cache-control"), Some("no-store"));
    assert_eq!(server.get("/acl/components", &admin).expect(200).body, COMPONENTS);
    assert_eq!(server.post_as(&admin, "/acl/routes", "[]").expect(200).body, "[]");
    assert_eq!(server.get("/acl/routes", &admin).expect(200).body, "[]");
    assert_eq!(server.get("/acl/components", &admin).expect(200).body, COMPONENTS);
    server.assert_well();
}

#[test]
fn rules_are_replaced_together_and_answered_as_they_are_kept() {
    let server = TestServer::start();
    let admin = server.admin();
    // What is written is what is read: a client may send the answer back.
    assert_eq!(server.post_as(&admin, "/acl/components", COMPONENTS).expect(200).body, COMPONENTS);
    let given = r#"[{"role":"Joe@acme.com","resource":"a.b","action":["read","!delete"],"shoeSize":47},
        {"attributes":["private"],"action":["*"],"resource":"*","role":"acme.com"},
        {"role":"user","resource":"c","action":["*"],"attributes":null}]"#;
    let kept = |attributes: &str| {
        format!(
            r#"[{{"role":"Joe@acme.com","resource":"a.b","action":["read","!delete"],"attributes":{attributes}}},{{"role":"acme.com","resource":"*","action":["*"],"attributes":["private"]}},{{"role":"user","resource":"c","action":["*"],"attributes":{attributes}}}]"#
        )
    };
    for (path, attributes) in [("/acl/components", r#"["non-private"]"#), ("/acl/routes", "[]")] {
        assert_eq!(server.post_as(&admin, path, given).expect(200).body, kept(attributes));
        assert_eq!(server.get(path, &admin).expect(200).body, kept(attributes));
    }
    let log = server.log();
    assert!(!log.contains("Joe@acme.com"), "{log}");
}

#[test]
fn what_rules_can_say_is_listed_with_what_they_say_already() {
    let server = TestServer::start();
    let admin = server.admin();
    let list = |path: &str| server.get(path, &admin).expect(200).body;
    assert_eq!(list("/acl/routes/resources"), r#"["*","flows"]"#);
    assert_eq!(list("/acl/routes/resource/flows/attributes"), r#"["*","non-private"]"#);
    let rules = r#"[{"role":"user","resource":"stores","action":["read"],"attributes":["x","*"]},
        {"role":"tester","resource":"a/b č","action":["read"],"attributes":["y"]}]"#;
    server.post_as(&admin, "/acl/routes", rules).error(400);
    server.post_as(&admin, "/acl/routes", &rules.replace("b č", "č")).expect(200);
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
        let answer = server.get(&format!("/acl/routes/resource/{bad}/attributes"), &admin).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "resource", "{}", answer.body);
    }
}

#[test]
fn access_rules_are_for_administrators_alone_and_have_two_types() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let paths = ["", "/resources", "/actions", "/resource/flows/attributes"];
    let of = |kind: &str| paths.map(|path| format!("/acl/{kind}{path}"));
    for path in of("routes").iter().chain(&of("nothing")).map(String::as_str).chain(["/acl-types"]) {
        server.request("GET", path, &[], b"").error(401);
        server.get(path, &joe).error(403);
    }
    server.post("/acl/routes", "[]").error(401);
    server.post_as(&joe, "/acl/routes", "no JSON").error(403);
    assert_eq!(server.get("/acl/routes", &admin).body, ROUTES);

    for path in of("nothing") {
        assert_eq!(server.get(&path, &admin).error(404), "There is no such type of access rules");
    }
    server.post_as(&admin, "/acl/nothing", "[]").error(404);
    let deleted = server.delete_as(&admin, "/acl/routes").expect(405);
    assert_eq!(deleted.header("allow"), Some("get, head, post, options"));
}

#[test]
fn a_bad_rule_is_named_by_its_place_and_changes_nothing() {
    let server = TestServer::start();
    let admin = server.admin();
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
        assert_eq!(paths(server.post_as(&admin, "/acl/routes", &body)), [path], "{body}");
    }
    let all = server.post_as(&admin, "/acl/routes", r#"[{},{"role":"user","resource":"","action":[1]}]"#);
    assert_eq!(
        paths(all),
        ["[0].role", "[0].resource", "[0].action", "[1].resource", "[1].action"].map(str::to_owned)
    );
    let many = Value::from(vec![json!({}); 1001]).to_string();
    assert_eq!(paths(server.post_as(&admin, "/acl/routes", &many)), ["[1000]"]);
    for no_array in ["{}", "null", "\"[]\"", "[", ""] {
        server.post_as(&admin, "/acl/routes", no_array).error(400);
    }
    let bearer = format!("Bearer {admin}");
    let form = [("Authorization", bearer.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    server.request("POST", "/acl/routes", &form, b"a=b").error(415);
    assert_eq!(server.get("/acl/routes", &admin).expect(200).body, ROUTES);
    server.assert_well();
}

#[test]
fn rules_that_were_acknowledged_survive_a_kill() {
    let server = TestServer::start();
    let admin = server.admin();
    let rules = r#"[{"role":"user","resource":"stores","action":["read"],"attributes":["x"]}]"#;
    server.post_as(&admin, "/acl/routes", "[]").expect(200);
    server.post_as(&admin, "/acl/routes", rules).expect(200);
    let server = server.kill_and_restart();
    assert_eq!(server.get("/acl/routes", &admin).expect(200).body, rules);
    assert_eq!(server.get("/acl/components", &admin).expect(200).body, COMPONENTS);
}

#[test]
fn of_two_quick_replacements_one_stands_as_a_whole_and_the_later_one_in_a_row() {
    let server = TestServer::start();
    let admin = server.admin();
    let rules = |resource: &str| {
        let rule = json!({"role": "user", "resource": resource, "action": ["*"], "attributes": ["*"]});
        Value::from(vec![rule; 20])
    };
    thread::scope(|scope| {
        for resource in ["a", "b"] {
            let (server, admin, body) = (&server, &admin, rules(resource).to_string());
            scope.spawn(move || {
                for _ in 0..10 {
                    server.post_as(admin, "/acl/routes", &body).expect(200);
                }
            });
        }
    });
    let kept = server.get("/acl/routes", &admin).expect(200).json();
    assert!(kept == rules("a") || kept == rules("b"), "{kept}");
    for resource in ["a", "b"] {
        server.post_as(&admin, "/acl/routes", &rules(resource).to_string()).expect(200);
        assert_eq!(server.get("/acl/routes", &admin).expect(200).json(), rules(resource));
    }
}

#[test]
fn whether_somebody_may_do_something_is_told_with_the_rule_that_decides_it() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("Joe@Acme.com"));
    let id = server.get("/user", &joe).text("id");
    let active = |is_active| {
        server.put_as(&admin, &format!("/users/{id}"), &json!({"isActive": is_active}).to_string())
    };
    active(true).expect(200);
    let rules = r#"[{"role":"user","resource":"flows","action":["read"],"attributes":["*"]},
        {"role":"ACME.com","resource":"flo*","action":["create","!delete"],"attributes":[]},
        {"role":"admin","resource":"secrets","action":["*"],"attributes":[]}]"#;
    server.post_as(&admin, "/acl/routes", rules).expect(200);
    let kept = server.get("/acl/routes", &admin).json();
    let ask = |kind: &str, question: Value| {
        server.post_as(&admin, &format!("/acl/{kind}/check"), &question.to_string()).expect(200).json()
    };
    let compared = json!(["user", "joe@acme.com", "acme.com"]);
    for (resource, action, allowed, because, reason) in [
        ("flows", "read", true, &kept[0], "by these rules"),
        ("flows", "create", true, &kept[1], "by these rules"),
        ("flows", "delete", false, &kept[1], "by this rule"),
        ("flows", "update", false, &Value::Null, "rules name it, and none of the user's allows it"),
        ("secrets", "read", false, &Value::Null, "rules name it, and none of the user's allows it"),
        ("stores", "read", true, &Value::Null, "no rule names it"),
    ] {
        let expected = json!({"allowed": allowed, "roles": compared, "because": because, "reason": reason});
        for user in ["JOE@acme.com", id.as_str()] {
            let question = json!({"user": user, "resource": resource, "action": action});
            assert_eq!(ask("routes", question), expected, "{resource} {action}");
        }
        // The command says the same.
        let told = server.command(
            &[
                "acl",
                "test",
                "routes",
                "--user",
                "joe@acme.com",
                "--action",
                action,
                "--resource",
                resource,
                "--json",
            ],
            "",
        );
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!((&told["allowed"], &told["reason"]), (&json!(allowed), &json!(reason)));
    }
    // An address that is not confirmed counts for denials alone.
    active(false).expect(200);
    let told = ask("routes", json!({"user": id, "resource": "flows", "action": "create"}));
    assert_eq!((&told["allowed"], &told["because"]), (&json!(false), &kept[1]));
    assert_eq!(told["reason"], "rules allow it by an email address that is not confirmed");
    // Nobody needs to be there for a question about roles.
    let question = |roles: Value| json!({"roles": roles, "resource": "flows", "action": "create"});
    assert_eq!(ask("routes", question(json!(["x@acme.COM"])))["because"], kept[1]);
    assert_eq!(ask("routes", question(json!(["x", "acme.com"])))["roles"], json!(["x", "acme.com"]));
    assert_eq!(ask("routes", question(json!([])))["allowed"], json!(false));

    // What is asked is what is enforced.
    let private = |roles: &[&str], attributes: &[&str]| {
        let question =
            json!({"roles": roles, "resource": "a.b.c", "action": "read", "attributes": attributes});
        ask("components", question)["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(private(&["user"], &["private"]), "what lets it be read does not show what is private");
    assert_eq!(private(&["user"], &["non-private"]), "by these rules");
    assert_eq!(private(&["user", "private"], &["private"]), "by these rules");
    assert_eq!(private(&["x"], &[]), "no rule of the user's reaches it");
    let shown = r#"{"allowedPrivateComponents":["a.b.c"]}"#;
    server.put_as(&admin, &format!("/users/{id}"), shown).expect(200);
    let question = json!({"user": id, "resource": "a.b.c", "action": "read", "attributes": ["private"]});
    assert_eq!(ask("components", question)["allowed"], json!(true));
    let apps = r#"[{"role":"admin","resource":"apps","action":["read"],"attributes":[]}]"#;
    server.post_as(&admin, "/acl/routes", apps).expect(200);
    for (name, token) in [("joe@acme.com", &joe), ("root@acme", &admin)] {
        let told = ask("routes", json!({"user": name, "resource": "apps", "action": "read"}));
        assert_eq!(told["allowed"], json!(server.get("/apps", token).status == 200), "{told}");
    }
    server.assert_well();
}

#[test]
fn a_bad_question_about_rules_is_told_all_that_is_wrong_with_it() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme.com"));
    let good = r#"{"user":"joe@acme.com","resource":"flows","action":"read"}"#;
    server.post("/acl/routes/check", good).error(401);
    server.post_as(&joe, "/acl/routes/check", good).error(403);
    server.post_as(&admin, "/acl/nothing/check", good).error(404);
    server.get("/acl/routes/check", &admin).error(405);
    server.post_as(&admin, "/acl/routes/check", "").error(400);
    for unknown in ["eoj@acme.com", "0123456789abcdef01234567"] {
        let question = good.replace("joe@acme.com", unknown);
        assert_eq!(server.post_as(&admin, "/acl/routes/check", &question).error(404), "User not found");
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
        let answer = server.post_as(&admin, "/acl/routes/check", &question.to_string()).expect(400).json();
        let told =
            answer["details"].as_array().unwrap().iter().map(|detail| detail["path"].as_str().unwrap());
        let mut told: Vec<_> = told.collect();
        told.sort_by_key(|path| {
            ["user", "roles", "resource", "action", "attributes"].iter().position(|p| p == path)
        });
        assert_eq!(told, paths, "{question}: {answer}");
    }
    server.assert_well();
}
