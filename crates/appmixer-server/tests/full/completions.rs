//! What zsh and fish offer when somebody presses Tab.

use std::fs;
use std::process::Command;

use crate::support::{binary, run};
use crate::terminal::Terminal;

fn script(shell: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary(&folder.path().join("data"));
    command.args(["completions", shell]);
    let output = run(command, "");
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// What is typed, and what must be offered for it.
const OFFERED: &[(&str, &[&str])] = &[
    ("user ", &["add", "sign-out", "reset-password"]),
    ("user add --s", &["--scope"]),
    ("key rotate --algorithm ", &["HS256", "EdDSA", "ES256"]),
    ("acl list ", &["routes", "components"]),
    ("acl test routes --action ", &["read", "create", "update", "delete"]),
    ("config get MAIL_SMTP_", &["MAIL_SMTP_HOST", "MAIL_SMTP_PORT"]),
    ("audit list --kind user-", &["user-created", "user-deleted"]),
    ("user add x --plan ", &["free", "beta"]),
    ("completions ", &["bash", "zsh", "fish"]),
    ("check-config --", &["--connect", "--json"]),
];

#[test]
fn fish_completes_commands_options_and_values() {
    let script = script("fish");
    for (typed, expected) in OFFERED {
        let mut command = Command::new("fish");
        let driver = format!("source -; complete -C 'appmixer-server {typed}'");
        command.args(["--no-config", "-c", &driver]);
        let output = run(command, &script);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let offers: Vec<_> = text.lines().map(|line| line.split('\t').next().unwrap()).collect();
        for word in *expected {
            assert!(offers.contains(word), "{typed}: {offers:?}");
        }
    }
}

#[test]
fn zsh_completes_commands_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("_appmixer-server"), script("zsh")).unwrap();
    let setup = format!(
        "PROMPT=; PS2=; fpath=({} $fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=1000; echo ready-$((1+1))",
        folder.path().display()
    );
    for (typed, expected) in OFFERED {
        let mut command = Command::new("zsh");
        command.args(["-f", "-i"]).env("TERM", "xterm").env("HOME", folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap());
        let mut terminal = Terminal::run(&command);
        terminal.type_line(&setup);
        terminal.wait_for("ready-2", 1);
        terminal.type_keys(&format!("appmixer-server {typed}\t"));
        expected.iter().for_each(|word| terminal.wait_for(word, 1));
    }
}
