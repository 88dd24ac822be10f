//! The commands beside the server: the names and statuses that operators script.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::{TestServer, binary, eventually, run};
use crate::terminal::Terminal;

/// A data folder without a server.
pub(crate) struct Desk(pub(crate) tempfile::TempDir);

impl Desk {
    /// A folder with an empty database.
    pub(crate) fn new() -> Self {
        let desk = Self::empty();
        desk.done(&["store", "migrate"], "");
        desk
    }

    /// A folder without a database.
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary(&self.0.path().join("data"));
        // The port of the default may be anybody's.
        command.args(arguments).env("APPMIXER_LISTEN", "127.0.0.1:0");
        command
    }

    pub(crate) fn output(&self, arguments: &[&str], input: &str) -> Output {
        run(self.command(arguments), input)
    }

    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str], input: &str) -> String {
        let output = self.output(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    }

    /// The one line that says why it was refused.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, arguments: &[&str], input: &str) -> String {
        let output = self.output(arguments, input);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        text(&output.stderr).trim().to_owned()
    }

    pub(crate) fn add(&self, name: &str, scopes: &[&str]) -> String {
        let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
        let arguments: Vec<_> = ["user", "add", name, "--password-stdin"].into_iter().chain(scopes).collect();
        self.done(&arguments, "abc321\n")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_user_is_made_shown_changed_and_deleted_without_a_server() {
    let desk = Desk::new();
    desk.add("root@acme", &["admin", "user"]);
    let joe = desk.done(
        &[
            "user",
            "add",
            "Joe@Acme",
            "--email",
            "joe@mail.example",
            "--plan",
            "beta",
            "--vendor",
            "acme",
            "--active",
            "true",
            "--metadata",
            r#"{"b":1,"a":2}"#,
            "--password-stdin",
        ],
        "abc321\n",
    );
    for spelling in [joe.as_str(), "joe@acme", "JOE@MAIL.EXAMPLE"] {
        let user = json_of(&desk.done(&["user", "show", spelling, "--json"], ""));
        assert_eq!((&user["id"], &user["username"]), (&json!(joe), &json!("Joe@Acme")));
        assert_eq!(
            (&user["plan"], &user["vendor"], &user["isActive"]),
            (&json!("beta"), &json!(["acme"]), &json!(true))
        );
        assert_eq!(user["metadata"].to_string(), r#"{"b":1,"a":2}"#);
    }
    let list = desk.done(&["user", "list"], "");
    assert_eq!(list.lines().count(), 2, "{list}");
    let lines: Vec<_> = desk.done(&["user", "list", "--json"], "").lines().map(json_of).collect();
    assert!(lines.len() == 2 && lines.iter().any(|user| user["username"] == "Joe@Acme"));

    let changed = desk.done(&["user", "set", "joe@acme", "--plan", "free", "--username", "joseph@acme"], "");
    assert!(changed.contains("joseph@acme") && changed.contains("free"), "{changed}");
    desk.refused(1, &["user", "show", "joe@acme"], "");
    assert_eq!(desk.done(&["user", "delete", "joseph@acme", "--yes"], ""), format!("deleted {joe}"));
    assert!(desk.refused(1, &["user", "show", &joe], "").contains("user list"));
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let desk = Desk::new();
    desk.add("root@acme", &["admin"]);
    let add = |name, input| desk.refused(1, &["user", "add", name, "--password-stdin"], input);
    assert!(add("root@acme", "abc321\n").contains("taken"));
    assert!(add("root", "abc321\n").contains("email address"));
    assert!(add("joe@acme", "abc32\n").contains("at least 6 characters"));
    assert!(add("joe@acme", "\n").contains("must not be empty"));
    assert!(add("joe@acme", "").contains("must not be empty"));
    assert!(add("joe@acme", &format!("{}\n", "x".repeat(1025))).contains("at most 1024 bytes"));
    for (flag, value, word) in [
        ("--scope", "a b", "white space"),
        ("--plan", "", "1 to 256"),
        ("--metadata", "[]", "JSON object"),
        ("--email", "nobody", "email address"),
    ] {
        let refusal =
            desk.refused(1, &["user", "add", "joe@acme", "--password-stdin", flag, value], "abc321\n");
        assert!(refusal.contains(flag) && refusal.contains(word), "{refusal}");
    }
    assert!(desk.refused(1, &["user", "set", "root@acme"], "").contains("nothing to change"));
    // Wrong arguments, as everywhere, are status 2; a password among them is one.
    let output = desk.output(&["user", "add", "joe@acme", "--password", "abc321"], "");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(desk.done(&["user", "list"], "").lines().count(), 1, "nothing of all that was done");
}

#[test]
fn the_last_administrator_stays() {
    let desk = Desk::new();
    desk.add("root@acme", &["admin"]);
    for arguments in
        [&["user", "delete", "root@acme", "--yes"][..], &["user", "set", "root@acme", "--scope", "user"]]
    {
        assert!(desk.refused(1, arguments, "").contains("last administrator"));
    }
    desk.add("other@acme", &["admin"]);
    desk.done(&["user", "set", "root@acme", "--scope", "user"], "");
    desk.done(&["user", "delete", "root@acme", "--yes"], "");
}

#[test]
fn a_running_server_sees_what_a_command_does() {
    let server = TestServer::start();
    server.done(&["user", "add", "joe@acme", "--password-stdin"], "abc321\n");
    let token = server.sign_in("joe@acme", "abc321").expect(200).text("token");
    server.get("/user", &token).expect(200);
    server.done(&["user", "set", "joe@acme", "--plan", "beta"], "");
    eventually(|| server.get("/user", &token).text("plan") == "beta");
    server.done(&["user", "reset-password", "joe@acme", "--password-stdin"], "new-secret\n");
    eventually(|| server.get("/user", &token).status == 401);
    assert_eq!(server.get("/user", &token).error(401), "Invalid JWT: revoked");
    server.sign_in("joe@acme", "abc321").error(403);
    let token = server.sign_in("joe@acme", "new-secret").expect(200).text("token");
    assert_eq!(claims(&token)["gen"], 1);
    server.get("/user", &token).expect(200);
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    json_of(&text(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()))
}

#[test]
fn a_password_is_asked_for_twice_at_the_terminal_and_never_shown() {
    let desk = Desk::new();
    let add = desk.command(&["user", "add", "root@acme", "--scope", "admin"]);
    let mut terminal = Terminal::run(&add);
    terminal.wait_for("Password: ", 1);
    terminal.wait_until_hidden();
    terminal.type_line("correct horse");
    terminal.wait_for("Password again: ", 1);
    terminal.wait_until_hidden();
    terminal.type_line("correct horse");
    let (status, screen) = terminal.end();
    assert!(status.success(), "{screen}");
    assert!(!screen.contains("horse"), "{screen}");
    assert_eq!(desk.done(&["user", "list"], "").lines().count(), 1);

    let mut terminal = Terminal::run(&desk.command(&["user", "add", "joe@acme"]));
    terminal.wait_for("Password: ", 1);
    terminal.wait_until_hidden();
    terminal.type_line("correct horse");
    terminal.wait_for("Password again: ", 1);
    terminal.wait_until_hidden();
    terminal.type_line("correct house");
    let (status, screen) = terminal.end();
    assert_eq!(status.code(), Some(1));
    assert!(screen.contains("not the same"), "{screen}");
    assert_eq!(desk.done(&["user", "list"], "").lines().count(), 1);
}

#[test]
fn a_deletion_wants_consent() {
    let desk = Desk::new();
    desk.add("joe@acme", &["user"]);
    assert!(desk.refused(1, &["user", "delete", "joe@acme"], "y\n").contains("--yes"));
    for (reply, left) in [("n", 1), ("", 1), ("y", 0)] {
        let mut terminal = Terminal::run(&desk.command(&["user", "delete", "joe@acme"]));
        terminal.wait_for("[y/N]", 1);
        terminal.type_line(reply);
        let (status, screen) = terminal.end();
        assert_eq!(status.success(), left == 0, "{screen}");
        assert_eq!(desk.done(&["user", "list"], "").lines().count(), left, "{reply:?}");
    }
}

#[test]
fn entries_of_the_system_configuration_are_set_shown_and_unset() {
    let desk = Desk::new();
    desk.done(&["config", "set", "API_USER_CREATE_SCOPE", "admin"], "");
    desk.done(&["config", "set", "DEFAULT_USER_VENDOR", r#"["a","b"]"#], "");
    desk.done(&["config", "set", "OUR_OWN", "two words"], "");
    assert_eq!(desk.done(&["config", "get", "DEFAULT_USER_VENDOR"], ""), r#"["a","b"]"#);
    assert_eq!(desk.done(&["config", "get", "OUR_OWN"], ""), r#""two words""#);
    let list = json_of(&desk.done(&["config", "list", "--json"], ""));
    assert_eq!(list[0], json!({"key": "API_USER_CREATE_SCOPE", "value": "admin"}));
    desk.done(&["config", "unset", "OUR_OWN"], "");
    for arguments in [&["config", "unset", "OUR_OWN"][..], &["config", "get", "OUR_OWN"]] {
        assert!(desk.refused(1, arguments, "").contains("config list"));
    }
    assert!(
        desk.refused(1, &["config", "set", "MAIL_SMTP_PORT", "0"], "")
            .contains("MAIL_SMTP_PORT must be a port")
    );
    assert!(desk.refused(1, &["config", "set", "APP_NAME"], "").contains("--stdin"));
}

#[test]
fn a_secret_is_no_argument_and_is_not_shown() {
    const MOVED: &str = "the secret of the engine that was there before";
    let desk = Desk::new();
    let refusal = desk.refused(1, &["config", "set", "JWTSecret", MOVED], "");
    assert!(refusal.contains("no argument") && !refusal.contains(MOVED), "{refusal}");
    desk.done(&["config", "set", "JWTSecret", "--stdin"], &format!("{MOVED}\n"));
    assert_eq!(desk.done(&["config", "get", "JWTSecret"], ""), r#""********""#);
    assert_eq!(desk.done(&["config", "list"], ""), r#"JWTSecret = "********""#);
    assert!(
        desk.refused(1, &["config", "set", "JWTSecret", "--stdin"], "short\n").contains("at least 32 bytes")
    );
}

#[test]
fn a_token_is_issued_inspected_and_verified() {
    let server = TestServer::start();
    let id = server.done(&["user", "add", "joe@acme", "--password-stdin"], "abc321\n");
    let token = server.done(&["token", "issue", "joe@acme", "--lifetime", "1h"], "");
    assert_eq!(server.get("/user", &token).expect(200).text("id"), id);
    let inspected = json_of(&server.done(&["token", "inspect", &token], ""));
    assert_eq!((&inspected["header"]["alg"], &inspected["payload"]["id"]), (&json!("HS256"), &json!(id)));
    let (iat, exp) =
        (inspected["payload"]["iat"].as_u64().unwrap(), inspected["payload"]["exp"].as_u64().unwrap());
    assert_eq!(exp - iat, 3600);
    // From standard input, so that a token stays out of the list of processes.
    let verified = json_of(&server.done(&["token", "verify"], &format!("{token}\n")));
    assert_eq!((&verified["id"], &verified["scope"]), (&json!(id), &json!(["user"])));

    let tampered = token.replace('.', ".A");
    for (arguments, message) in [
        (vec!["token", "verify", tampered.as_str()], "Invalid JWT"),
        (vec!["token", "inspect", "nonsense"], "Invalid JWT: malformed"),
        (vec!["token", "issue", "nobody@acme"], "there is no user"),
        (vec!["token", "issue", "joe@acme", "--lifetime", "soon"], "--lifetime"),
        (vec!["token", "issue", "joe@acme", "--lifetime", "0"], "at least one"),
        (vec!["token", "issue", "joe@acme", "--lifetime", "500ms"], "at least one"),
        (vec!["token", "issue", "joe@acme", "--lifetime", "99999999d"], "at most 36500d"),
    ] {
        let output = server.command(&arguments, "");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    }
    server.done(&["user", "reset-password", &id, "--password-stdin"], "another\n");
    let output = server.command(&["token", "verify", &token], "");
    assert!(text(&output.stderr).contains("revoked"), "{}", text(&output.stderr));
}

#[test]
fn check_config_shows_each_value_with_its_source_and_no_secret() {
    let desk = Desk::empty();
    let file = desk.0.path().join("own.toml");
    std::fs::write(&file, "[http]\nbody_limit = 1000\n").unwrap();
    let path = file.to_str().unwrap();
    let shown = desk.done(&["check-config", "--config", path], "");
    for part in [
        "http.body_limit = 1000".to_owned(),
        "own.toml".to_owned(),
        "password.memory_kib = 64  # the environment".to_owned(),
        "token.secret = \"********\"  # the environment".to_owned(),
        "log.format = \"auto\"  # default".to_owned(),
    ] {
        assert!(shown.contains(&part), "{part} is not in\n{shown}");
    }
    assert!(!shown.contains(crate::support::SECRET), "{shown}");
    std::fs::write(&file, "[http]\nbody_limits = 1000\n").unwrap();
    let refusal = desk.refused(2, &["check-config", "--config", path], "");
    assert!(refusal.contains("http.body_limits") && refusal.contains("own.toml"), "{refusal}");
    assert_eq!(refusal.lines().count(), 1, "{refusal}");
    assert!(!Path::new(&desk.0.path().join("data")).exists(), "checking makes nothing");
}
