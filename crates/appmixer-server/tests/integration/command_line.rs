//! The commands' lists, the access rules from the command line, completions and manual pages.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::commands::Desk;
use crate::support::{TestServer, eventually, run};
use crate::terminal::Terminal;

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

fn names(desk: &Desk, arguments: &[&str]) -> Vec<String> {
    let arguments: Vec<_> = ["user", "list", "--json"].iter().chain(arguments).copied().collect();
    let name = |line: &str| {
        let user: Value = serde_json::from_str(line).unwrap();
        user["username"].as_str().unwrap().to_owned()
    };
    desk.done(&arguments, "").lines().map(name).collect()
}

#[test]
fn users_are_listed_and_counted_as_the_api_does() {
    let desk = Desk::new();
    for (name, scopes) in [("c@acme", &["user"][..]), ("a@acme", &["user", "tester"]), ("b@other", &["user"])]
    {
        desk.add(name, scopes);
    }
    assert_eq!(names(&desk, &["--sort", "username"]), ["a@acme", "b@other", "c@acme"]);
    assert_eq!(names(&desk, &["--sort", "username:-1"]), ["c@acme", "b@other", "a@acme"]);
    assert_eq!(names(&desk, &["--sort", "username", "--limit", "1", "--offset", "1"]), ["b@other"]);
    assert_eq!(names(&desk, &["--pattern", "ACME", "--sort", "username"]), ["a@acme", "c@acme"]);
    assert_eq!(names(&desk, &["--filter", "scope:tester"]), ["a@acme"]);
    assert_eq!(names(&desk, &["--filter", "scope:tester", "--filter", "plan:beta"]), [""; 0]);
    assert_eq!(names(&desk, &["--limit", "2"]).len(), 2);
    assert_eq!(names(&desk, &["--limit", "0"]).len(), 0);
    assert_eq!(names(&desk, &["--offset", "2"]).len(), 1);
    assert_eq!(names(&desk, &[]).len(), 3);
    assert_eq!(desk.done(&["user", "count"], ""), "3");
    assert_eq!(desk.done(&["user", "count", "--pattern", "acme", "--json"], ""), r#"{"count":2}"#);
    assert_eq!(desk.done(&["user", "count", "--filter", "scope:tester"], ""), "1");
    for (flag, value) in [("--filter", "shoeSize:47"), ("--sort", "age"), ("--pattern", "")] {
        let refusal = desk.refused(1, &["user", "list", flag, value], "");
        assert!(refusal.contains(flag), "{refusal}");
    }
    let many: Vec<_> = ["user", "count"].into_iter().chain(["--filter", "plan:free"].repeat(9)).collect();
    assert!(desk.refused(1, &many, "").contains("at most 8"));
}

#[test]
fn lists_have_titles_at_a_terminal_and_only_there() {
    let desk = Desk::new();
    let id = desk.add("joe@acme", &["user"]);
    desk.done(&["config", "set", "APP_NAME", "Ours"], "");
    for (arguments, title, row, plain) in [
        (&["user", "list"][..], "ID  ", format!("{id}  joe@acme"), format!("{id}  2")),
        (
            &["config", "list"],
            "KEY       VALUE",
            "APP_NAME  \"Ours\"".to_owned(),
            "APP_NAME = \"Ours\"".to_owned(),
        ),
        (
            &["acl", "list", "routes"],
            "ROLE    RESOURCE  ACTION  ATTRIBUTES  KIND OF ROLE",
            "admin   flows     *       *           scope".to_owned(),
            "admin\tflows\t*\t*\tscope".to_owned(),
        ),
    ] {
        let (status, screen) = Terminal::run(&desk.command(arguments)).end();
        assert!(status.success() && screen.contains(title) && screen.contains(&row), "{screen}");
        assert!(!screen.contains('\u{1b}'), "{screen}");
        let text = desk.done(arguments, "");
        assert!(text.starts_with(&plain), "{text}");
    }
}

#[test]
fn rules_are_listed_set_and_reset() {
    const RULES: &str =
        r#"[{"role":"acme.com","resource":"stores*","action":["read","!delete"],"attributes":[]}]"#;
    let server = TestServer::start();
    let (admin, token) = (server.admin(), server.user("joe@acme.com"));
    let defaults = server.get("/acl/routes", &admin).expect(200).body;
    assert_eq!(server.done(&["acl", "list", "routes", "--json"], ""), defaults);
    assert_eq!(server.done(&["acl", "set", "routes", "-"], RULES), "rules about routes: 1");
    assert_eq!(server.get("/acl/routes", &admin).expect(200).body, RULES);
    assert_eq!(
        server.done(&["acl", "list", "routes"], ""),
        "acme.com\tstores*\tread, !delete\t\tdomain; its denials: scope or domain"
    );
    let file = server.data().join("rules.json");
    fs::write(&file, r#"[{"role":"admin","resource":"apps","action":["*"]}]"#).unwrap();
    server.done(&["acl", "set", "routes", file.to_str().unwrap()], "");
    eventually(|| server.get("/apps", &token).status == 403);
    server.done(&["acl", "reset", "routes"], "");
    eventually(|| server.get("/apps", &token).status == 200);
    assert_eq!(server.get("/acl/routes", &admin).expect(200).body, defaults);

    // What the API refuses, with its words.
    for rules in
        ["{}", "[1]", r#"[{"role":"a","resource":"b","action":["write"]}]"#, r#"[{"role":"a"}]"#, "["]
    {
        let output = server.command(&["acl", "set", "routes", "-"], rules);
        assert_eq!(output.status.code(), Some(1), "{rules}");
        let refusal = String::from_utf8(output.stderr).unwrap();
        let told = server.post_as(&admin, "/acl/routes", rules).error(400);
        assert!(refusal.contains(&told) || !rules.starts_with("[{"), "{refusal} is not {told}");
    }
    assert_eq!(server.command(&["acl", "list", "paths"], "").status.code(), Some(2));
    assert_eq!(server.command(&["acl", "set", "routes", "/nowhere"], "").status.code(), Some(1));
    assert_eq!(server.get("/acl/routes", &admin).expect(200).body, defaults);
}

#[test]
fn a_decision_is_told_with_the_rules_that_make_it() {
    let desk = Desk::new();
    desk.add("joe@acme.com", &["user"]);
    let test = |kind: &str, action: &str, resource: &str, more: &[&str]| {
        let arguments =
            ["acl", "test", kind, "--user", "joe@acme.com", "--action", action, "--resource", resource];
        let arguments: Vec<_> = arguments.iter().chain(more).copied().collect();
        let output = desk.output(&arguments, "");
        assert_eq!(output.stderr, b"");
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let all = r#"{"role":"user","resource":"flows","action":["*"],"attributes":["*"]}"#;
    assert_eq!(
        test("routes", "delete", "flows", &[]),
        (Some(0), format!("allowed: by these rules\n{all}\n"))
    );
    assert_eq!(test("routes", "read", "apps", &[]), (Some(0), "allowed: no rule names it\n".to_owned()));
    let forbids = r#"{"role":"acme.com","resource":"flo*","action":["!delete"],"attributes":[]}"#;
    desk.done(
        &["acl", "set", "routes", "-"],
        &format!(r#"[{all},{forbids},{{"role":"admin","resource":"x","action":["*"]}}]"#),
    );
    assert_eq!(
        test("routes", "delete", "flows", &[]),
        (Some(1), format!("denied: by this rule\n{forbids}\n"))
    );
    assert_eq!(test("routes", "read", "x", &[]).0, Some(1));
    let (status, json) = test("routes", "read", "flows", &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (status, &json["allowed"], &json["rules"][0]["role"]),
        (Some(0), &json!(true), &json!("user"))
    );

    assert_eq!(test("components", "read", "a.b", &[]).0, Some(0));
    assert_eq!(test("components", "read", "a.b", &["--private"]).0, Some(1));
    desk.done(
        &["acl", "set", "components", "-"],
        r#"[{"role":"user","resource":"a*","action":["*"],"attributes":["private"]}]"#,
    );
    assert_eq!(test("components", "read", "a.b", &["--private"]).0, Some(0));
    assert_eq!(test("components", "read", "b.b", &[]).0, Some(1));
    let refusal = desk.refused(
        1,
        &["acl", "test", "routes", "--user", "x@y", "--action", "read", "--resource", "a"],
        "",
    );
    assert!(refusal.contains("there is no user"), "{refusal}");
}

#[test]
fn a_user_is_signed_out_everywhere() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    server.get("/user", &token).expect(200);
    assert!(server.done(&["user", "sign-out", "joe@acme"], "").starts_with("signed out "));
    eventually(|| server.get("/user", &token).status == 401);
    assert_eq!(server.command(&["user", "sign-out", "nobody@acme"], "").status.code(), Some(1));
}

#[test]
fn everything_has_a_form_for_scripts() {
    let desk = Desk::new();
    desk.add("joe@acme", &["user"]);
    for arguments in [
        &["user", "list", "--json"][..],
        &["user", "show", "joe@acme", "--json"],
        &["user", "set", "joe@acme", "--plan", "beta", "--json"],
        &["user", "count", "--json"],
        &["config", "list", "--json"],
        &["acl", "list", "components", "--json"],
        &["audit", "list", "--json"],
        &["check-config", "--json"],
    ] {
        let text = desk.done(arguments, "");
        for line in lines(&text) {
            serde_json::from_str::<Value>(line)
                .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {line}"));
        }
        assert!(!text.is_empty(), "{arguments:?}");
        assert!(!text.contains(crate::support::SECRET));
    }
}

fn is_there(program: &str) -> bool {
    // mandoc knows no --version, and prints what is wrong with that.
    Command::new(program).arg("--version").output().is_ok()
}

#[test]
fn shells_can_complete_the_commands() {
    let desk = Desk::new();
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef appmixer-server"),
        ("fish", "complete -c appmixer-server"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let text = desk.done(&["completions", shell], "");
        assert!(text.contains(word) && text.contains("sign-out"), "{shell}");
        if matches!(shell, "bash" | "zsh" | "fish") && is_there(shell) {
            let mut check = Command::new(shell);
            check.arg("-n");
            let output = run(check, &text);
            assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert_eq!(desk.output(&["completions", "tcsh"], "").status.code(), Some(2));
}

#[test]
fn every_command_has_a_manual_page() {
    let desk = Desk::empty();
    let page = desk.done(&["man"], "");
    assert!(page.contains(".TH APPMIXER-SERVER 1") && page.contains("check\\-config"), "{page}");
    let folder = desk.0.path().join("man").join("man1");
    desk.done(&["man", folder.to_str().unwrap()], "");
    let pages: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    for name in ["appmixer-server.1", "appmixer-server-user.1", "appmixer-server-user-sign-out.1"] {
        assert!(pages.contains(&folder.join(name)), "{name}: {pages:?}");
    }
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{}", page.display());
        if is_there("mandoc") {
            let mut lint = Command::new("mandoc");
            lint.args(["-Tlint"]).arg(&page);
            let output = run(lint, "");
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(told.is_empty(), "{told}");
        }
        let title = text.lines().find(|line| line.starts_with(".TH ")).unwrap();
        assert!(title.contains(" 1 20") && title.ends_with("\"Appmixer Server Manual\""), "{title}");
        assert!(title.contains(concat!("\"appmixer-server ", env!("CARGO_PKG_VERSION"), "\"")), "{title}");
        if is_there("groff") {
            let mut check = Command::new("groff");
            check.args(["-man", "-ww", "-z", "-Tutf8"]);
            let output = run(check, &text);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && told.is_empty(), "{}: {told}", page.display());
        }
    }
    assert!(desk.refused(1, &["man", "/proc/nowhere"], "").contains("/proc/nowhere"));
    assert!(!desk.0.path().join("data").exists());
}
