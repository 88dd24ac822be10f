//! `store copy` while it runs: killed, stopped, cut off, with a target that was changed; and that an unfinished copy is
//! not served.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use appmixer_testbed::{Pgbouncer, Postgres};
use rusqlite::Connection;
use serde_json::Value;

use crate::commands::Desk;
use crate::import::text;
use crate::store_copy::{copied, desk_with, dump, sqlite};
use crate::support::{SECRET, TestServer, eventually, run};
use crate::terminal::Terminal;

/// More than a copy writes at once, some times.
const MANY: usize = 9000;

/// A database of PostgreSQL in which a copy comes as far as the audit log, and waits or fails there.
struct Target {
    url: String,
    name: String,
    holder: Option<Child>,
}

impl Target {
    fn new(desk: &Desk) -> Self {
        let url = Postgres::shared().database();
        let name = url.rsplit('/').next().unwrap().to_owned();
        let target = Self { url, name, holder: None };
        let output = run(target.with_it(desk.command(&["store", "migrate"])), "");
        assert!(output.status.success(), "{}", text(&output.stderr));
        target
    }

    fn with_it(&self, mut command: Command) -> Command {
        command.env("APPMIXER_STORE__URL", &self.url).env("APPMIXER_TOKEN__SECRET", SECRET);
        command.env("TARGET", &self.url);
        command
    }

    fn copy(&self, desk: &Desk, from: &Path, more: &[&str]) -> Command {
        let from = sqlite(from);
        let arguments = [&["store", "copy", "--from", &from, "--to", "env:TARGET"], more].concat();
        self.with_it(desk.command(&arguments))
    }

    fn sql(&self, sql: &str) -> String {
        Postgres::shared().psql(&self.name, sql)
    }

    fn hold(&mut self) {
        let lock = "BEGIN; LOCK TABLE audit IN SHARE MODE; SELECT pg_sleep(600)";
        self.holder = Some(Postgres::shared().psql_beside(&self.name, lock));
        let held = "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND granted \
             AND relation = 'audit'::regclass";
        eventually(|| self.sql(held) == "1");
    }

    fn let_go(&mut self) {
        let mut holder = self.holder.take().unwrap();
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND query LIKE '%pg_sleep(600)' AND pid <> pg_backend_pid()",
        );
        holder.wait().unwrap();
    }

    /// Ends what a process has left that was killed: what waits for a lock does not see that nobody waits for it.
    fn end_copies(&self) {
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
             AND application_name LIKE '%store copy' AND pid <> pg_backend_pid()",
        );
    }

    fn has_all_users(&self) -> bool {
        self.sql("SELECT count(*) FROM users") == MANY.to_string()
    }

    #[track_caller]
    fn assert_not_served(&self, desk: &Desk) {
        for arguments in
            [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "add", "x@acme", "--password-stdin"]]
        {
            let output = run(self.with_it(desk.command(arguments)), "abc321\n");
            let why = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{why}");
            assert!(
                why.contains("unfinished copy of another one; finish it with the same `store copy`"),
                "{why}"
            );
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(holder) = &mut self.holder {
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}

/// A copy that was killed when all users were in the target, which is still held.
fn killed() -> (Desk, PathBuf, Target) {
    let (desk, from) = desk_with(MANY);
    let mut target = Target::new(&desk);
    target.hold();
    let mut running = target.copy(&desk, &from, &[]);
    let mut running = running.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually(|| target.has_all_users());
    running.kill().unwrap();
    running.wait().unwrap();
    (desk, from, target)
}

#[test]
fn a_copy_that_was_killed_or_cut_off_is_not_served_and_goes_on() {
    let (desk, from, mut target) = killed();
    target.end_copies();
    target.assert_not_served(&desk);

    // Another source is not mixed into it.
    let (other, of_other) = desk_with(1);
    let output = run(target.copy(&other, &of_other, &[]), "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("an unfinished copy of another database, or of this one"));

    // The connections of one are cut while it waits.
    let running =
        target.copy(&desk, &from, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'audit'::regclass";
    eventually(|| target.sql(waits) != "0");
    target.end_copies();
    let output = running.wait_with_output().unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("going on with a copy that has 9000 of"), "{err}");
    assert!(err.contains("the target: ") && err.contains("the same command goes on from here"), "{err}");
    assert!(out.contains("users                     9000 of 9000"), "{out}");

    target.let_go();
    let summary = copied(&run(target.copy(&desk, &from, &["--json"]), ""));
    assert!(summary["copied"].as_u64().unwrap() < 100, "{summary}");
    assert_eq!(run(target.with_it(desk.command(&["user", "count"])), "").stdout, b"9000\n");
}

#[test]
fn a_copy_at_a_terminal_shows_how_far_it_is_and_ends_at_ctrl_c_with_a_summary() {
    let (desk, from) = desk_with(MANY);
    let mut target = Target::new(&desk);
    target.hold();
    let mut command = target.copy(&desk, &from, &[]);
    let terminal = Terminal::run(command.env("TERM", "xterm"));
    eventually(|| target.has_all_users());
    terminal.wait_for("left", 2);
    terminal.interrupt();
    let (status, screen) = terminal.end();
    assert_eq!(status.code(), Some(1), "{screen}");
    assert!(screen.contains("users                     9000 of 9000"), "{screen}");
    assert!(screen.contains("interrupted; the same command goes on from here"), "{screen}");
    target.assert_not_served(&desk);
    target.let_go();
    copied(&run(target.copy(&desk, &from, &["--json"]), ""));
}

#[test]
fn what_was_changed_in_the_target_or_in_the_source_is_found_and_not_served() {
    let (desk, from, mut target) = killed();
    target.let_go();
    for (broken, mended, what) in [
        (
            "UPDATE users SET plan = 'x' || plan WHERE number = 77",
            "UPDATE users SET plan = substr(plan, 2) WHERE number = 77",
            "users",
        ),
        (
            "UPDATE names SET is_email = NOT is_email WHERE user_number = 78",
            "UPDATE names SET is_email = NOT is_email WHERE user_number = 78",
            "names of users",
        ),
    ] {
        target.sql(broken);
        let output = run(target.copy(&desk, &from, &["--json"]), "");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{out}\n{err}");
        assert!(err.contains(&format!("the target has not what the source has ({what})")), "{err}");
        let summary: Value = serde_json::from_str(&out).unwrap();
        let differ = summary["parts"].as_array().unwrap().iter().filter(|part| part["same"] == false);
        assert_eq!(differ.map(|part| part["what"].as_str().unwrap()).collect::<Vec<_>>(), [what]);
        target.assert_not_served(&desk);
        target.sql(mended);
    }

    // A source that was used meanwhile.
    desk.done(&["user", "sign-out", "u5@acme"], "");
    let output = run(target.copy(&desk, &from, &[]), "");
    assert!(
        text(&output.stderr).contains("or of this one before it was changed"),
        "{}",
        text(&output.stderr)
    );
    target.assert_not_served(&desk);
}

#[test]
fn a_copy_into_a_file_that_could_not_be_written_is_not_served_and_goes_on() {
    let (desk, from) = desk_with(MANY);
    let other = Desk::new();
    other.done(&["store", "migrate"], "");
    let path = other.0.path().join("data").join("appmixer.sqlite");
    let sql = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    // As a disk would that has become full.
    sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'full'); END");
    let (from, to) = (sqlite(&from), sqlite(&path));
    let arguments = ["store", "copy", "--from", &from, "--to", &to, "--json"];
    let output = desk.output(&arguments, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the same command goes on from here"), "{}", text(&output.stderr));
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"]] {
        let why = other.refused(2, arguments, "");
        assert!(why.contains("is an unfinished copy of another database; finish it"), "{why}");
    }
    let why =
        desk.refused(1, &["store", "copy", "--from", &to, "--to", &sqlite(&other.0.path().join("x"))], "");
    assert!(why.contains("the source is itself an unfinished copy; finish that first"), "{why}");

    sql("DROP TRIGGER full");
    copied(&desk.output(&arguments, ""));
    assert_eq!(dump(&path), dump(&desk.0.path().join("data").join("appmixer.sqlite")));
    assert_eq!(other.done(&["user", "count"], ""), MANY.to_string());
}

#[test]
fn a_source_in_postgresql_that_is_served_is_warned_of_and_what_is_changed_meanwhile_is_found() {
    let desk = Desk::new();
    let url = Postgres::shared().database();
    let node = TestServer::with(&[("APPMIXER_STORE__URL", &url)]);
    node.user("joe@acme");
    let mut target = Target::new(&desk);
    target.hold();
    let mut command =
        target.with_it(desk.command(&["store", "copy", "--from", "env:SOURCE", "--to", "env:TARGET"]));
    command.env("SOURCE", &url).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    eventually(|| target.sql("SELECT count(*) FROM users") == "1");
    node.user("new@acme");
    target.let_go();
    let output = running.wait_with_output().unwrap();
    let why = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{why}");
    assert!(why.contains("seem to have") && why.contains("connections to --from: stop them"), "{why}");
    assert!(!why.contains("connections to --to"), "{why}");
    assert!(why.contains("the target has not what the source has (users, "), "{why}");
    target.assert_not_served(&desk);
}

#[test]
fn entries_that_no_node_has_put_into_the_log_yet_are_copied_as_its_end() {
    let desk = Desk::new();
    let source = Target::new(&desk);
    let run_there = |arguments: &[&str], input: &str| {
        let output = run(source.with_it(desk.command(arguments)), input);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    run_there(&["user", "add", "joe@acme", "--password-stdin"], "abc321\n");
    run_there(&["audit", "list"], "");
    for plan in ["a", "b", "c"] {
        run_there(&["user", "set", "joe@acme", "--plan", plan], "");
    }
    let arrived = "SELECT count(*) FROM audit_arrivals";
    assert_eq!(source.sql(arrived), "3");
    // A clock that goes back a little is not shown.
    source.sql("UPDATE audit_arrivals SET time = time - 30000 WHERE number = (SELECT max(number) FROM audit_arrivals)");
    let to = sqlite(&desk.0.path().join("data").join("appmixer.sqlite"));
    copied(&run(source.with_it(desk.command(&["store", "copy", "--to", &to, "--json"])), ""));
    assert_eq!(source.sql(arrived), "3", "the source was written to");
    let list = ["audit", "list", "--json"];
    let copied = desk.done(&list, "");
    assert_eq!(copied.lines().count(), 4);
    assert_eq!(copied, run_there(&list, "").trim());
}

#[test]
fn of_two_copies_into_one_target_one_is_finished_and_the_other_gives_up() {
    let (desk, from) = desk_with(MANY);
    let mut target = Target::new(&desk);
    target.hold();
    // A file is locked by the first one: the second has the same in another.
    let same = desk.0.path().join("same.sqlite");
    desk.done(&["backup", same.to_str().unwrap()], "");
    let start = |from: &Path| {
        let mut command = target.copy(&desk, from, &[]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let first = start(&from);
    eventually(|| target.has_all_users());
    let second = start(&same);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
         AND datname = current_database() AND query LIKE '%unfinished_copy%'";
    eventually(|| target.sql(waits) == "1");
    target.let_go();
    let outputs = [first, second].map(|child| child.wait_with_output().unwrap());
    let told = outputs.each_ref().map(|output| (output.status.code(), text(&output.stderr)));
    assert_eq!(told.iter().filter(|(status, _)| *status == Some(0)).count(), 1, "{told:?}");
    let (status, why) = told.iter().find(|(status, _)| *status != Some(0)).unwrap();
    assert_eq!(*status, Some(1), "{told:?}");
    assert!(why.contains("has taken over") || why.contains("the target is not empty"), "{told:?}");
    assert_eq!(run(target.with_it(desk.command(&["user", "count"])), "").stdout, b"9000\n");
}

#[test]
fn a_copy_goes_to_postgresql_and_back_through_a_proxy_that_pools_transactions() {
    let (desk, from) = desk_with(MANY);
    let url = Postgres::shared().database();
    let proxy = Pgbouncer::before(Postgres::shared(), 4);
    let through = proxy.url(&url);
    let there = desk.0.path().join("there.url");
    std::fs::write(&there, through).unwrap();
    let there = format!("@{}", there.display());
    copied(&desk.output(&["store", "copy", "--to", &there, "--json"], ""));
    let back = desk.0.path().join("back.sqlite");
    copied(&desk.output(&["store", "copy", "--from", &there, "--to", &sqlite(&back), "--json"], ""));
    assert_eq!(dump(&back), dump(&from));
}
