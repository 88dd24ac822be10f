//! What foreign tools make of `/openapi.json`: linters, and generators of clients.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{TestServer, run_within};

/// The tools take up to half a minute alone, and several times that beside other tests.
const TIMEOUT: Duration = Duration::from_mins(10);

/// A server, and a folder with its document.
fn document() -> (TestServer, TempDir) {
    let server = TestServer::start();
    let folder = tempfile::tempdir().unwrap();
    let text = server.request("GET", "/openapi.json", &[], b"").expect(200).body;
    std::fs::write(folder.path().join("openapi.json"), text).unwrap();
    (server, folder)
}

/// The folder or program that `cargo xtask test --full` has installed.
fn installed(variable: &str) -> PathBuf {
    PathBuf::from(std::env::var_os(variable).expect("`cargo xtask test --full` sets it"))
}

fn node(name: &str, folder: &Path, arguments: &[&str]) -> String {
    let program = installed("APPMIXER_TEST_NPM_OPENAPI").join("node_modules/.bin").join(name);
    succeed(Command::new(program).args(arguments), folder, &[])
}

/// Runs a tool with nothing in its environment but these variables, and returns what it printed.
fn succeed(command: &mut Command, folder: &Path, variables: &[(&str, &Path)]) -> String {
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", std::env::var_os("PATH").unwrap());
    // Neither asks its makers for a newer version nor reports to them.
    command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    command.envs(variables.iter().copied());
    let output = run_within(command, "", TIMEOUT);
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

#[test]
fn spectral_finds_no_error_in_the_document() {
    let (_server, folder) = document();
    std::fs::write(folder.path().join(".spectral.yaml"), "extends: [\"spectral:oas\"]\n").unwrap();
    node("spectral", folder.path(), &["lint", "openapi.json", "--fail-severity", "error"]);
}

#[test]
fn redocly_finds_no_error_in_the_document() {
    let (_server, folder) = document();
    node("redocly", folder.path(), &["lint", "openapi.json"]);
}

#[test]
fn the_client_that_orval_generates_compiles() {
    let (_server, folder) = document();
    let config = "module.exports = { api: { input: './openapi.json', output: { target: './api.ts', client: 'fetch' } } };";
    std::fs::write(folder.path().join("orval.config.cjs"), config).unwrap();
    node("orval", folder.path(), &["--config", "orval.config.cjs"]);
    let options = ["--noEmit", "--strict", "--module", "preserve", "--target", "es2022"];
    node("tsc", folder.path(), &[&options[..], &["--lib", "es2022,dom", "api.ts"]].concat());
}

#[test]
fn the_client_that_openapi_python_client_generates_works() {
    let (server, folder) = document();
    let admin = server.admin();
    let python = installed("APPMIXER_TEST_PYTHON_FULL");
    let bin = python.parent().unwrap();
    // It formats what it has written by ruff, which it looks for in the path.
    let path = PathBuf::from(format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    let mut generate = Command::new(bin.join("openapi-python-client"));
    generate.args(["generate", "--path", "openapi.json", "--output-path", "client", "--fail-on-warning"]);
    succeed(&mut generate, folder.path(), &[("PATH", &path)]);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python-client/client.py");
    let mut client = Command::new(&python);
    client.arg(program).args([format!("http://{}", server.address), admin]);
    let package = folder.path().join("client");
    assert_eq!(succeed(&mut client, folder.path(), &[("PYTHONPATH", &package)]).trim(), "done");
    server.assert_well();
}
