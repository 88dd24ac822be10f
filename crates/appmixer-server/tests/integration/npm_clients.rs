//! Packages of npm as products use them: a client generated from the document, jose, and ws.
//!
//! `cargo xtask test` installs them where npm is at hand and sets `APPMIXER_TEST_NPM_CLIENTS` to the folder.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gateway::serve;
use crate::support::{PATIENCE, TestServer, run_within};

/// The installed packages, and a folder from which programs find them.
struct Packages {
    installed: PathBuf,
    folder: TempDir,
}

impl Packages {
    /// `None` where they are not installed.
    fn new() -> Option<Self> {
        let Some(installed) = std::env::var_os("APPMIXER_TEST_NPM_CLIENTS").map(PathBuf::from) else {
            eprintln!("skipped: `cargo xtask test` installs the packages where npm is at hand");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        symlink(installed.join("node_modules"), folder.path().join("node_modules")).unwrap();
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/npm-clients");
        for program in std::fs::read_dir(programs).unwrap() {
            let program = program.unwrap();
            std::fs::copy(program.path(), folder.path().join(program.file_name())).unwrap();
        }
        std::fs::write(folder.path().join("package.json"), r#"{"private":true,"type":"module"}"#).unwrap();
        Some(Self { installed, folder })
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.folder.path());
        command
    }

    /// Runs a program of a package, which must succeed.
    fn bin(&self, name: &str, arguments: &[&str]) -> String {
        succeed(self.command(self.installed.join("node_modules/.bin").join(name), arguments))
    }

    /// Runs one of `tests/npm-clients`, which must succeed.
    fn node(&self, arguments: &[&str]) -> String {
        succeed(self.command("node", arguments))
    }
}

fn succeed(mut command: Command) -> String {
    let output = run_within(&mut command, "", PATIENCE * 5);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_client_generated_by_openapi_typescript_compiles_and_works() {
    let Some(packages) = Packages::new() else { return };
    let server = TestServer::start();
    let admin = server.admin();
    let document = server.request("GET", "/openapi.json", &[], b"").expect(200).body;
    std::fs::write(packages.folder.path().join("openapi.json"), document).unwrap();
    packages.bin("openapi-typescript", &["openapi.json", "--output", "api.d.ts"]);
    let options = ["--strict", "--target", "es2022", "--module", "preserve", "--types", "node", "client.ts"];
    packages.bin("tsc", &options);
    let url = format!("http://{}", server.address);
    assert_eq!(packages.node(&["client.js", &url, &admin]).trim(), "done");
    server.assert_well();
}

#[test]
fn jose_verifies_tokens_by_the_published_keys() {
    let Some(packages) = Packages::new() else { return };
    for algorithm in ["EdDSA", "ES256"] {
        let server = TestServer::with(&[("APPMIXER_TOKEN__ALGORITHM", algorithm)]);
        let token = server.user("joe@acme");
        let id = server.get("/user", &token).text("id");
        let url = format!("http://{}", server.address);
        let told: Value = serde_json::from_str(&packages.node(&["keys.mjs", &url, &token])).unwrap();
        let refused = "ERR_JWS_SIGNATURE_VERIFICATION_FAILED";
        assert_eq!(told, json!({"id": id, "algorithm": algorithm, "refused": refused}));
    }
}

#[test]
fn ws_talks_through_the_gateway_with_a_token_and_not_without() {
    let Some(packages) = Packages::new() else { return };
    let mut command = packages.command("node", &["echo.mjs"]);
    let mut node = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(node.stdout.take().unwrap());
    let mut port = String::new();
    output.read_line(&mut port).unwrap();
    let upstream = format!("http://127.0.0.1:{}", port.trim());
    let server = serve(&json!({"/sockets": {"to": [upstream]}}), &[]);
    let token = server.user("joe@acme");
    let id = server.get("/user", &token).text("id");
    let mut input = node.stdin.take().unwrap();
    writeln!(input, "ws://{}/sockets/1 {token}", server.address).unwrap();
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    assert!(node.wait().unwrap().success());
    let result: Value = serde_json::from_str(&text).unwrap();
    let expected = json!({"status": 401, "text": "žluťoučký", "bytes": 200_000, "code": 4000, "users": [id]});
    assert_eq!(result, expected);
}
