//! What becomes of a command whose output cannot be written: its change is made, and it never panics.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::commands::Desk;

/// Where a write fails for want of room.
fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nothing reads.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn ended(mut command: Command, input: &str, stdout: Stdio) -> (Option<i32>, String) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(input.as_bytes()).unwrap();
    drop(writer);
    let child = command.stdin(reader).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Commands that print, and what is written to their standard input.
const PRINTING: &[(&[&str], &str)] = &[
    (&["--help"], ""),
    (&["--version"], ""),
    (&["user", "add", "--help"], ""),
    (&["user", "list"], ""),
    (&["user", "list", "--json"], ""),
    (&["user", "count"], ""),
    (&["user", "show", "root@acme"], ""),
    (&["user", "set", "root@acme", "--plan", "beta"], ""),
    (&["user", "reset-password", "root@acme", "--password-stdin"], "abc321\n"),
    (&["user", "sign-out", "root@acme"], ""),
    (&["user", "import", "-"], "{}\n"),
    (&["config", "list"], ""),
    (&["config", "get", "APP_NAME"], ""),
    (&["acl", "list", "routes"], ""),
    (&["acl", "reset", "routes"], ""),
    (&["acl", "test", "routes", "--user", "root@acme", "--action", "read", "--resource", "x"], ""),
    (&["audit", "list"], ""),
    (&["key", "list"], ""),
    (&["key", "rotate", "--json"], ""),
    (&["token", "issue", "root@acme"], ""),
    (&["store", "migrate"], ""),
    (&["backup", "copy.sqlite", "--force"], ""),
    (&["restore", "copy.sqlite", "--yes", "--discard-old"], ""),
    (&["check-config"], ""),
    (&["completions", "bash"], ""),
    (&["man"], ""),
];

fn desk() -> Desk {
    let desk = Desk::new();
    desk.add("root@acme", &["admin", "user"]);
    desk.done(&["config", "set", "APP_NAME", "Ours"], "");
    desk.done(&["backup", "copy.sqlite"], "");
    desk
}

#[test]
fn a_full_disk_behind_standard_output_is_one_line_and_status_1() {
    let desk = desk();
    for (arguments, input) in PRINTING.iter().chain(&[(&["user", "export", "-"][..], "")]) {
        let (code, stderr) = ended(desk.command(arguments), input, full());
        let lines: Vec<_> = stderr.lines().filter(|line| !line.starts_with("exported ")).collect();
        assert_eq!(code, Some(1), "{arguments:?}: {stderr}");
        let last = lines.last().copied().unwrap_or_default();
        let is_refusal = arguments.contains(&"import");
        assert!(is_refusal || last.contains("standard output cannot be written"), "{arguments:?}: {stderr}");
        assert!(lines.len() == if is_refusal { 2 } else { 1 }, "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_reader_that_has_gone_ends_a_command_quietly_with_the_status_of_its_work() {
    let desk = desk();
    for (arguments, input) in PRINTING {
        let (code, stderr) = ended(desk.command(arguments), input, closed());
        // A record that is refused is refused whether somebody reads that or not.
        if arguments.contains(&"import") {
            assert_eq!(code, Some(1), "{stderr}");
        } else {
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
        }
    }
    let denied = ["acl", "test", "components", "--user", "root@acme", "--action", "read", "--resource", "x"];
    let denied: Vec<_> = denied.into_iter().chain(["--private"]).collect();
    assert_eq!(ended(desk.command(&denied), "", closed()), (Some(1), String::new()));
    // Not all users have arrived.
    assert_eq!(ended(desk.command(&["user", "export", "-"]), "", closed()), (Some(1), String::new()));
}

#[test]
fn a_change_is_made_whether_its_result_can_be_printed_or_not() {
    let desk = desk();
    for (name, stdout) in [("full@acme", full()), ("closed@acme", closed())] {
        ended(desk.command(&["user", "add", name, "--password-stdin"]), "abc321\n", stdout);
        desk.done(&["user", "show", name], "");
    }
    ended(desk.command(&["user", "delete", "full@acme", "--yes"]), "", full());
    desk.refused(1, &["user", "show", "full@acme"], "");
}

#[test]
fn a_message_that_cannot_be_written_changes_no_status() {
    let desk = desk();
    for (arguments, expected) in [
        (&["user", "show", "nobody@acme"][..], 1),
        (&["user", "show"], 2),
        (&["user", "list", "--config", "/nowhere"], 2),
        (&["user", "import", "/dev/null"], 0),
        (&["user", "delete", "root@acme"], 1),
    ] {
        for stderr in [full(), closed()] {
            let mut command = desk.command(arguments);
            let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).status().unwrap();
            assert_eq!(status.code(), Some(expected), "{arguments:?}");
        }
    }
}
