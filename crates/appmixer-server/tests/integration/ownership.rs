//! Who owns what is created in a data folder, and that nothing is created or changed through a link in it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::path::Path;

use crate::commands::Desk;
use crate::support::run;

/// `nobody`, and a group that is not its own.
const OWNER: (u32, u32) = (65534, 65533);

/// Every file and folder below belongs to [`OWNER`].
fn assert_owned(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let metadata = fs::symlink_metadata(entry.path()).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), OWNER, "{}", entry.path().display());
        if metadata.is_dir() {
            assert_owned(&entry.path());
        }
    }
}

#[test]
fn what_root_creates_in_the_data_folder_of_another_user_is_that_users() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    let desk = Desk::empty();
    chown(desk.0.path(), Some(OWNER.0), Some(OWNER.1)).unwrap();
    desk.add("root@acme", &["admin", "user"]);
    let backup = tempfile::tempdir().unwrap();
    let file = backup.path().join("b.sqlite");
    let data = desk.0.path().join("data");
    let inside = |name: &str| data.join(name).display().to_string();
    let copy = format!("sqlite:{}", inside("copy/new.sqlite"));
    desk.done(&["config", "set", "APP_NAME", "Ours"], "");
    desk.done(&["key", "rotate"], "");
    desk.done(&["backup", file.to_str().unwrap(), "--with-secrets"], "");
    desk.done(&["backup", &inside("inside.sqlite")], "");
    desk.done(&["user", "export", &inside("users.jsonl")], "");
    desk.done(&["user", "import", &inside("users.jsonl"), "--report", &inside("report.jsonl")], "");
    desk.done(&["restore", file.to_str().unwrap(), "--yes"], "");
    desk.done(&["store", "copy", "--to", &copy], "");
    assert_owned(desk.0.path());
    // What lies elsewhere is root's, as the folder is.
    assert_eq!(fs::metadata(&file).unwrap().uid(), 0);
    // A connection that is open has files of its own next to the database.
    let mut first = desk.command(&["user", "add", "joe@acme", "--password-stdin"]);
    first.env_remove("APPMIXER_TOKEN__SECRET");
    assert!(run(first, "abc321\n").status.success());
    assert_owned(desk.0.path());
}

#[test]
fn a_link_in_the_data_folder_leads_nowhere() {
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    for name in ["appmixer.sqlite", "appmixer.sqlite.lock", "appmixer.sqlite-wal", "appmixer.sqlite-shm"] {
        let desk = Desk::empty();
        let data = desk.0.path().join("data");
        if name != "appmixer.sqlite" {
            desk.add("root@acme", &["admin"]);
            let _ = fs::remove_file(data.join(name));
        }
        fs::create_dir_all(&data).unwrap();
        symlink(&target, data.join(name)).unwrap();
        for existing in [false, true] {
            if existing {
                fs::write(&target, "theirs").unwrap();
            }
            for arguments in
                [&["user", "add", "joe@acme", "--password-stdin"][..], &["serve", "--listen", "off"]]
            {
                desk.output(arguments, "abc321\n");
            }
            if existing {
                assert_eq!(fs::read(&target).unwrap(), b"theirs", "{name}");
                fs::remove_file(&target).unwrap();
            } else {
                assert!(!target.exists(), "{name}");
            }
        }
    }
}

#[test]
fn a_file_that_another_user_owns_is_named_with_its_owner() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root has files that others may not read");
        return;
    }
    let desk = Desk::new();
    desk.add("root@acme", &["admin"]);
    let data = desk.0.path().join("data");
    // The folder is theirs, the files in it are root's.
    for folder in [desk.0.path(), &data] {
        chown(folder, Some(OWNER.0), Some(OWNER.1)).unwrap();
    }
    let program = desk.0.path().join("program");
    fs::copy(env!("CARGO_BIN_EXE_appmixer-server"), &program).unwrap();
    let server = desk.command(&["user", "list"]);
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65533", "--clear-groups", "--"]).arg(program);
    command.args(["user", "list"]).env_clear().current_dir(desk.0.path());
    command.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = run(command, "");
    let refusal = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{refusal}");
    assert!(refusal.contains("appmixer.sqlite belongs to root (uid 0)"), "{refusal}");
    assert!(refusal.contains("runs as nobody (uid 65534)"), "{refusal}");
}
