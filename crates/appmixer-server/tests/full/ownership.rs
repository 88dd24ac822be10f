//! Every command as root in a data folder of another user, who then serves it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{binary, run};

/// `nobody`.
const USER: &str = "65534";

/// A folder of that user, which it can reach, with a copy of the program.
struct Folder {
    folder: TempDir,
    program: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("program");
        if fs::hard_link(env!("CARGO_BIN_EXE_appmixer-server"), &program).is_err() {
            fs::copy(env!("CARGO_BIN_EXE_appmixer-server"), &program).unwrap();
        }
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        chown(&data, Some(65534), Some(65534)).unwrap();
        Self { folder, program }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs a command as root, without a secret in the environment.
    fn root(&self, arguments: &[&str], input: &str) {
        let mut command = binary(&self.data());
        command.env_remove("APPMIXER_TOKEN__SECRET").args(arguments);
        let output = run(command, input);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}");
        assert_owned(&self.data(), arguments);
    }

    /// Starts the server as the owner of the folder, which must be ready, and ends it.
    fn serve(&self, after: &[&str]) {
        let settings = binary(&self.data());
        let mut command = Command::new("setpriv");
        command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--pdeathsig", "KILL", "--"]);
        command.arg(&self.program).args(["serve", "--listen", "127.0.0.1:0"]).env_clear();
        command.envs(settings.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env_remove("APPMIXER_TOKEN__SECRET").current_dir(self.data());
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut server = Server(child);
        let mut log = String::new();
        let lines = BufReader::new(server.0.stderr.take().unwrap()).lines();
        let address = lines.map_while(Result::ok).find_map(|line| {
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            log.push_str(&line);
            (event["message"] == "listening").then(|| event["address"].as_str().unwrap().to_owned())
        });
        let address = address.unwrap_or_else(|| panic!("after {after:?}: {log}"));
        let mut health = binary(&self.data());
        health.args(["health", "--listen", &address]);
        let output = run(health, "");
        assert!(output.status.success(), "after {after:?}: {}", String::from_utf8_lossy(&output.stderr));
        drop(server);
        assert_owned(&self.data(), after);
    }
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn assert_owned(folder: &Path, after: &[&str]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!(metadata.uid().to_string(), USER, "{} after {after:?}", path.display());
        if metadata.is_dir() {
            assert_owned(&path, after);
        }
    }
}

#[test]
fn after_every_command_of_root_the_owner_of_the_folder_can_serve() {
    assert!(rustix::process::geteuid().is_root(), "run this test as root: it gives files away");
    let source = Folder::new();
    source.root(&["user", "add", "root@acme", "--scope", "admin", "--password-stdin"], "abc321\n");
    source.serve(&["user", "add"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = elsewhere.path().join("b.sqlite").display().to_string();
    let rules = r#"[{"role":"admin","resource":"x","action":["*"],"attributes":["*"]}]"#;
    source.root(&["backup", &backup, "--with-secrets"], "");
    // Those that work on a database that is there.
    for (arguments, input) in [
        (&["config", "set", "APP_NAME", "Ours"][..], ""),
        (&["config", "unset", "APP_NAME"], ""),
        (&["acl", "set", "routes", "-"], rules),
        (&["key", "rotate", "--activate-in", "0"], ""),
        (&["token", "issue", "root@acme"], ""),
        (&["user", "set", "root@acme", "--plan", "beta"], ""),
        (&["user", "reset-password", "root@acme", "--password-stdin"], "abc321\n"),
        (&["user", "sign-out", "root@acme"], ""),
        (&["user", "list"], ""),
        (&["user", "export", "data/users.jsonl"], ""),
        (&["user", "import", "data/users.jsonl", "--report", "data/report.jsonl"], ""),
        (&["backup", "data/inside.sqlite"], ""),
        (&["restore", &backup, "--yes"], ""),
        (&["store", "migrate"], ""),
        (&["store", "copy", "--to", "sqlite:data/copy.sqlite"], ""),
        (&["audit", "list"], ""),
        (&["check-config", "--connect"], ""),
    ] {
        source.root(arguments, input);
        source.serve(arguments);
    }
    // Those that may create it.
    let from = format!("sqlite:{backup}");
    for (arguments, input) in [
        (&["user", "add", "joe@acme", "--password-stdin"][..], "abc321\n"),
        (&["user", "import", "-"], ""),
        (&["restore", &backup, "--yes"], ""),
        (&["store", "migrate"], ""),
        (&["store", "copy", "--from", &from, "--to", "sqlite:data/appmixer.sqlite"], ""),
    ] {
        let folder = Folder::new();
        folder.root(arguments, input);
        folder.serve(arguments);
    }
}
