//! What bash offers when somebody presses Tab. The other shells are driven in `full`.

use std::process::Command;

use crate::commands::Desk;
use crate::support::run;

/// Does what bash does at Tab after these words: calls the function that the script has registered.
const DRIVER: &str = r#"
source /dev/stdin
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
[[ $(complete -p "$1") =~ -F\ ([^ ]+) ]]
"${BASH_REMATCH[1]}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

struct Bash {
    script: String,
}

impl Bash {
    fn new() -> Self {
        Self { script: Desk::empty().done(&["completions", "bash"], "") }
    }

    /// The words that are offered for the last of these.
    fn offers(&self, words: &[&str]) -> Vec<String> {
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-c", DRIVER, "bash", "appmixer-server"]).args(words);
        let output = run(command, &self.script);
        assert!(output.status.success(), "{words:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    let bash = Bash::new();
    for (words, expected) in [
        (&["us"][..], &["user"][..]),
        (&["user", "si"], &["sign-out"]),
        (&["user", "add", "--s"], &["--scope"]),
        (&["key", "rotate", "--algorithm", ""], &["HS256", "EdDSA", "ES256"]),
        (&["key", "rotate", "--algorithm", "E"], &["EdDSA", "ES256"]),
        (&["config", "get", "MAIL_SMTP_HO"], &["MAIL_SMTP_HOST"]),
        (&["config", "set", "APP_"], &["APP_NAME"]),
        (&["acl", "reset", "r"], &["routes"]),
        (&["acl", "test", "routes", "--action", ""], &["read", "create", "update", "delete"]),
        (&["user", "add", "x", "--plan", "b"], &["beta"]),
        (&["user", "list", "--sort", "u"], &["username"]),
        (&["audit", "list", "--kind", "sign-in-f"], &["sign-in-failed"]),
        (&["user", "set", "x", "--active", ""], &["true", "false"]),
        (&["completions", "z"], &["zsh"]),
        // Free text: no file is offered for it, but what was typed stays.
        (&["user", "add", "x", "--email", "a"], &["a"]),
        (&["check-config", "--c"], &["--connect", "--config"]),
        (&["--config", "x", "user", "li"], &["list"]),
    ] {
        let mut offers = bash.offers(words);
        let mut expected: Vec<_> = expected.iter().map(|word| (*word).to_owned()).collect();
        offers.sort();
        expected.sort();
        assert_eq!(offers, expected, "{words:?}");
    }
}

/// Options, as the help of a command lists them: at the beginning of a line.
fn options_in(help: &str) -> Vec<String> {
    let words = help.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("-h, ").or_else(|| line.strip_prefix("-V, ")).unwrap_or(line);
        line.split([' ', ',']).next().filter(|word| word.starts_with("--"))
    });
    words.map(str::to_owned).collect()
}

#[test]
fn bash_completes_every_option_of_every_command() {
    let (bash, desk) = (Bash::new(), Desk::empty());
    let mut paths = vec![Vec::new()];
    let mut checked = 0;
    while let Some(path) = paths.pop() {
        let with = |word: &'static str| path.iter().map(String::as_str).chain([word]).collect::<Vec<_>>();
        let help = desk.done(&with("--help"), "");
        let offered = bash.offers(&with("--"));
        for option in options_in(&help) {
            assert!(offered.contains(&option), "{path:?} {option}: {offered:?}");
            checked += 1;
        }
        let commands = help.split("Commands:").nth(1).map_or("", |rest| rest.split("\n\n").next().unwrap());
        // What wraps is indented more.
        let names =
            commands.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
        for name in names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help") {
            assert!(bash.offers(&with("")).contains(&name.to_owned()), "{path:?} {name}");
            paths.push(path.iter().cloned().chain([name.to_owned()]).collect());
        }
    }
    assert!(checked > 100, "{checked}");
}
