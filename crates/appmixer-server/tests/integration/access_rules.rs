//! The access rules: six routes for administrators.

use serde_json::{Value, json};

use crate::support::TestServer;

const COMPONENTS: &str = r#"[{"role":"admin","resource":"*","action":["*"],"attributes":["non-private"]},{"role":"user","resource":"*","action":["*"],"attributes":["non-private"]},{"role":"tester","resource":"*","action":["*"],"attributes":["non-private"]}]"#;

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
