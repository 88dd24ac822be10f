//! The unmodified Appmixer CLI from npm, against the server.
//!
//! `cargo xtask test` installs it where npm is at hand and says where in `APPMIXER_TEST_NPM_DIR`. Each test
//! has a home folder of its own, since that is where the CLI keeps its URL and its token.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::{TestServer, run};
use crate::terminal::Terminal;

struct Cli {
    program: PathBuf,
    home: TempDir,
}

impl Cli {
    /// `None` where it is not installed.
    fn new() -> Option<Self> {
        let Some(folder) = std::env::var_os("APPMIXER_TEST_NPM_DIR") else {
            eprintln!("skipped: `cargo xtask test` installs the Appmixer CLI where npm is at hand");
            return None;
        };
        let program = Path::new(&folder).join("node_modules/.bin/appmixer");
        Some(Self { program, home: tempfile::tempdir().unwrap() })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().env("HOME", self.home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap()).current_dir(self.home.path());
        command
    }

    fn output(&self, arguments: &[&str]) -> (Output, String) {
        let output = run(self.command(arguments), "");
        let text = [output.stdout.as_slice(), &output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        (output, text)
    }

    /// Logs in at a terminal, where the CLI asks for the password.
    fn log_in(&self, name: &str, password: &str) -> (bool, String) {
        let mut terminal = Terminal::run(&self.command(&["login", name]));
        terminal.wait_for("password", 1);
        terminal.type_line(password);
        let (status, screen) = terminal.end();
        (status.success(), screen)
    }
}

#[test]
fn the_npm_cli_logs_in_keeps_its_token_and_checks_it() {
    let Some(cli) = Cli::new() else { return };
    let server = TestServer::start();
    server.user("abc@example.com");
    let url = format!("http://{}", server.address);
    let (output, text) = cli.output(&["url", &url]);
    assert!(output.status.success() && text.contains(&url), "{text}");

    let (success, screen) = cli.log_in("abc@example.com", "wrong1");
    assert!(!success, "{screen}");
    assert!(screen.contains("Invalid username or password") || screen.contains("403"), "{screen}");

    let (success, screen) = cli.log_in("abc@example.com", "abc321");
    assert!(success && screen.contains("Login successful."), "{screen}");

    // The token that it prints is one that the server takes.
    let (output, text) = cli.output(&["login", "--token"]);
    assert!(output.status.success(), "{text}");
    let token = text.split_whitespace().find(|word| word.starts_with("eyJ")).unwrap();
    let user = server.get("/user", token).expect(200);
    assert_eq!(user.text("username"), "abc@example.com");

    // It checks the stored token with `GET /user` before it asks for a password again.
    let (output, text) = cli.output(&["login", "abc@example.com"]);
    assert!(output.status.success() && text.contains("Already logged in as"), "{text}");
    assert!(text.contains("abc@example.com"), "{text}");

    // Revoked: it asks again.
    server.done(&["user", "reset-password", "abc@example.com", "--password-stdin"], "new-secret\n");
    crate::support::eventually(|| server.get("/user", token).status == 401);
    let (success, screen) = cli.log_in("abc@example.com", "new-secret");
    assert!(success && screen.contains("Login successful."), "{screen}");
    server.assert_well();
}
