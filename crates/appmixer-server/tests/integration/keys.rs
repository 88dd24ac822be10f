//! The keys that sign tokens: rotated under use, retired, published, and sealed in the database.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::support::{SECRET, SECRET_IN_A_LIST, TestServer, binary, eventually, run};

const OTHER_SECRET: &str = "another secret that is long enough to be one";
const BAD_SIGNATURE: &str = "Invalid JWT: key or signature is invalid";

fn header(token: &str) -> Value {
    let part = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&part).unwrap()
}

/// The name of the new key.
fn rotate(server: &TestServer, arguments: &[&str]) -> String {
    let line = server.done(&[&["key", "rotate", "--json"], arguments].concat(), "");
    let key: Value = serde_json::from_str(&line).unwrap();
    key["id"].as_str().unwrap().to_owned()
}

fn published(server: &TestServer) -> Vec<String> {
    let set = server.request("GET", "/.well-known/jwks.json", &[], b"").expect(200).json();
    let keys = set["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the running server has heard of it.
fn signs_with(server: &TestServer, name: &str, algorithm: &str) -> String {
    let token = || server.sign_in(name, "abc321").expect(200).text("token");
    eventually(|| header(&token())["alg"] == algorithm);
    token()
}

fn list(server: &TestServer) -> Vec<Value> {
    let lines = server.done(&["key", "list", "--json"], "");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn refused_start(data: &Path, secret: &str) -> (Option<i32>, String) {
    let mut command = binary(data);
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("APPMIXER_TOKEN__SECRET", secret);
    let output = run(command, "");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_rotation_signs_nobody_out_and_the_published_keys_are_those_that_verify() {
    let server = TestServer::start();
    let by_secret = server.user("joe@acme");
    assert_eq!(header(&by_secret), serde_json::json!({"alg": "HS256", "typ": "JWT"}));
    assert_eq!(published(&server), Vec::<String>::new());

    let ed = rotate(&server, &["--algorithm", "eddsa", "--activate-in", "0"]);
    let by_ed25519 = signs_with(&server, "joe@acme", "EdDSA");
    assert_eq!(header(&by_ed25519)["kid"], ed);
    let ec = rotate(&server, &["--algorithm", "es256", "--activate-in", "0"]);
    let by_p256 = signs_with(&server, "joe@acme", "ES256");
    assert_eq!(published(&server), [ec, ed]);
    rotate(&server, &[]);
    let by_new_secret = signs_with(&server, "joe@acme", "HS256");
    assert_eq!(header(&by_new_secret), header(&by_secret));

    let server = server.kill_and_restart();
    for token in [&by_secret, &by_ed25519, &by_p256, &by_new_secret] {
        server.get("/user", token).expect(200);
        server.done(&["token", "verify"], &format!("{token}\n"));
    }
    // The new secret is not the configured one.
    let alone = TestServer::start();
    assert_eq!(alone.get("/user", &by_new_secret).error(401), BAD_SIGNATURE);
    let kinds = server.done(&["audit", "list", "--kind", "key-rotated", "--json"], "");
    assert_eq!(kinds.lines().count(), 3);
    server.assert_well();
}

#[test]
fn a_public_key_is_published_before_it_signs_and_caches_may_keep_the_set() {
    let server = TestServer::start();
    server.user("joe@acme");
    let key = rotate(&server, &["--algorithm", "EdDSA"]);
    eventually(|| published(&server) == [key.clone()]);
    assert_eq!(header(&server.sign_in("joe@acme", "abc321").text("token"))["alg"], "HS256");

    let answer = server.request("GET", "/.well-known/jwks.json", &[], b"").expect(200);
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let tag = answer.header("etag").unwrap();
    let again = server.request("GET", "/.well-known/jwks.json", &[("If-None-Match", tag)], b"");
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let jwk = &answer.json()["keys"][0];
    for (member, value) in [("kty", "OKP"), ("crv", "Ed25519"), ("alg", "EdDSA"), ("use", "sig")] {
        assert_eq!(jwk[member], value);
    }
    assert!(jwk.get("d").is_none());

    // It waits ten minutes, twice as long as the set is kept.
    let waits = list(&server).into_iter().find(|row| row["id"] == key).unwrap();
    assert_eq!(waits["state"], "waits");
    // What only waits can be taken back, and nobody is signed out.
    server.done(&["key", "retire", &key, "--yes"], "");
    eventually(|| published(&server).is_empty());
    assert_eq!(list(&server)[0]["ends"], Value::Null);
}

#[test]
fn a_retired_key_ends_its_tokens_at_once_and_the_one_that_signs_stays() {
    let server = TestServer::start();
    let by_secret = server.user("joe@acme");
    let stolen = rotate(&server, &["--algorithm", "es256", "--activate-in", "0"]);
    let by_stolen = signs_with(&server, "joe@acme", "ES256");
    let refused = server.command(&["key", "retire", &stolen, "--yes"], "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("rotate --activate-in 0"));
    rotate(&server, &["--algorithm", "eddsa", "--activate-in", "0"]);
    let by_next = signs_with(&server, "joe@acme", "EdDSA");
    // Remembered by now, all of them.
    for token in [&by_secret, &by_stolen, &by_next] {
        server.get("/user", token).expect(200);
    }

    let unasked = server.command(&["key", "retire", &stolen], "");
    assert!(String::from_utf8(unasked.stderr).unwrap().contains("--yes"));
    server.get("/user", &by_stolen).expect(200);
    server.done(&["key", "retire", &stolen, "--yes"], "");
    eventually(|| server.get("/user", &by_stolen).status == 401);
    assert!(!published(&server).contains(&stolen));
    server.get("/user", &by_secret).expect(200);
    server.get("/user", &by_next).expect(200);

    // The configuration's secret goes without a restart, and stays gone after one.
    server.done(&["key", "retire", "configuration", "--yes"], "");
    eventually(|| server.get("/user", &by_secret).status == 401);
    let server = server.kill_and_restart();
    assert_eq!(server.get("/user", &by_secret).error(401), BAD_SIGNATURE);
    server.get("/user", &by_next).expect(200);
    let unknown = server.command(&["key", "retire", &stolen, "--yes"], "");
    assert_eq!(unknown.status.code(), Some(1));
    assert_eq!(server.done(&["audit", "list", "--kind", "key-retired"], "").lines().count(), 2);
}

#[test]
fn the_list_of_keys_says_what_signs_and_shows_no_secret() {
    let server = TestServer::start();
    let admin = server.admin();
    let state =
        |row: &Value| (row["id"].as_str().unwrap().to_owned(), row["state"].as_str().unwrap().to_owned());
    let states = || list(&server).iter().map(state).collect::<Vec<_>>();
    let row = |id: &str, state: &str| (id.to_owned(), state.to_owned());
    assert_eq!(states(), [row("configuration", "signs")]);
    let jwt_secret = format!(r#"{{"key":"JWTSecret","value":"{OTHER_SECRET}"}}"#);
    server.post_as(&admin, "/config", &jwt_secret).expect(200);
    assert_eq!(states(), [row("JWTSecret", "signs"), row("configuration", "verifies")]);
    let by_jwt_secret = server.sign_in("root@acme", "abc321").text("token");

    // A key of the database signs before `JWTSecret`, which goes on verifying.
    let key = rotate(&server, &["--algorithm", "eddsa", "--activate-in", "0"]);
    signs_with(&server, "root@acme", "EdDSA");
    server.get("/user", &by_jwt_secret).expect(200);
    assert_eq!(
        states(),
        [row(&key, "signs"), row("JWTSecret", "verifies"), row("configuration", "verifies")]
    );
    server.done(&["config", "unset", "JWTSecret"], "");
    eventually(|| server.get("/user", &by_jwt_secret).status == 401);

    for output in [server.done(&["key", "list"], ""), server.done(&["key", "list", "--json"], "")] {
        assert!(!output.contains(SECRET) && !output.contains(OTHER_SECRET), "{output}");
    }
    assert_eq!(list(&server)[0]["ends"], Value::Null);
    assert!(list(&server)[1]["ends"].is_string());
    let short = server.command(&["key", "rotate", "--overlap", "1h"], "");
    assert!(String::from_utf8(short.stderr).unwrap().contains("token.lifetime"));
    let wrong = server.command(&["key", "rotate", "--algorithm", "none"], "");
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("HS256, EdDSA or ES256"));
}

#[test]
fn a_new_server_makes_its_first_key_as_configured_and_keeps_it() {
    let server = TestServer::with(&[("APPMIXER_TOKEN__ALGORITHM", "EdDSA")]);
    let token = server.user("joe@acme");
    assert_eq!(header(&token)["alg"], "EdDSA");
    let keys = published(&server);
    assert_eq!(keys.len(), 1);
    let server = server.restart_with(&[("APPMIXER_TOKEN__ALGORITHM", "ES256")]);
    assert_eq!(published(&server), keys, "only a rotation makes another one");
    server.get("/user", &token).expect(200);
    rotate(&server, &["--activate-in", "0"]);
    signs_with(&server, "joe@acme", "ES256");
}

#[test]
fn the_algorithm_can_be_changed_in_the_configuration_and_nobody_is_signed_out() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    let server = server.restart_with(&[("APPMIXER_TOKEN__ALGORITHM", "ES256")]);
    server.get("/user", &token).expect(200);
    signs_with(&server, "joe@acme", "ES256");
}

#[test]
fn the_database_alone_signs_nothing_and_another_secret_is_refused_in_one_line() {
    let server = TestServer::start();
    let key = rotate(&server, &["--algorithm", "eddsa", "--activate-in", "0"]);
    let token = server.user("joe@acme");
    let beside = server.command(&["key", "list"], "");
    assert!(beside.status.success());
    let mut wrong = binary(&server.data());
    wrong.env("APPMIXER_TOKEN__SECRET", OTHER_SECRET).args(["key", "rotate"]);
    let refused = run(wrong, "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("the token.secret that the server has"));

    let server = server.kill_and_restart();
    let data = server.data();
    let with_other = server.restart_with(&[
        ("APPMIXER_TOKEN__SECRET", OTHER_SECRET),
        ("APPMIXER_TOKEN__PREVIOUS_SECRETS", SECRET_IN_A_LIST),
    ]);
    with_other.get("/user", &token).expect(200);
    // Sealed anew, so the previous secret may go.
    let alone = with_other.restart_with(&[("APPMIXER_TOKEN__PREVIOUS_SECRETS", "[]")]);
    alone.get("/user", &token).expect(200);
    alone.signal("TERM");
    let mut alone = alone;
    alone.wait();

    let (status, line) = refused_start(&data, SECRET);
    assert_eq!(status, Some(2));
    let last = line.lines().last().unwrap();
    assert!(last.contains(&key) && last.contains("another secret") && !line.contains(SECRET), "{line}");
    // The way out, if that secret is lost: give the key up.
    let mut retire = binary(&data);
    retire.args(["key", "retire", &key, "--yes"]);
    assert!(run(retire, "").status.success());
    let again = alone.restart_with(&[("APPMIXER_TOKEN__SECRET", SECRET)]);
    assert_eq!(again.get("/user", &token).error(401), "Invalid JWT: algorithm or type not supported");
    assert_eq!(header(&again.sign_in("joe@acme", "abc321").text("token"))["alg"], "HS256");
}

#[test]
fn a_command_with_another_secret_than_the_servers_adds_no_key() {
    let server = TestServer::start();
    // As at a shell on a machine where the service's secret is a credential.
    let mut stranger = binary(&server.data());
    stranger.env_remove("APPMIXER_TOKEN__SECRET").args(["key", "rotate"]);
    let refused = run(stranger, "");
    assert_eq!(refused.status.code(), Some(1));
    let refusal = String::from_utf8(refused.stderr).unwrap();
    assert!(refusal.contains("the server's token secret is not known"), "{refusal}");
    assert_eq!(list(&server).len(), 1);
    // While no key is sealed under it, a secret can be exchanged for any other.
    let server = server.restart_with(&[("APPMIXER_TOKEN__SECRET", OTHER_SECRET)]);
    rotate(&server, &[]);
    server.kill_and_restart().assert_well();
}

#[test]
fn a_secret_comes_from_a_file_or_a_credential_and_its_place_is_shown_and_not_its_value() {
    let server = TestServer::start();
    server.user("joe@acme");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token.secret");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let command = |arguments: &[&str], variable: &str, value: &Path| {
        let mut command = binary(&server.data());
        command.env_remove("APPMIXER_TOKEN__SECRET").env(variable, value).args(arguments);
        let output = run(command, "");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    for (variable, value) in
        [("APPMIXER_TOKEN__SECRET_FILE", file.as_path()), ("CREDENTIALS_DIRECTORY", folder.path())]
    {
        let (status, token, _) = command(&["token", "issue", "joe@acme"], variable, value);
        assert_eq!(status, Some(0));
        server.get("/user", token.trim()).expect(200);
        let (_, shown, _) = command(&["check-config"], variable, value);
        let line = shown.lines().find(|line| line.starts_with("# token.secret =")).unwrap();
        assert!(line.contains("********") && line.contains(file.to_str().unwrap()), "{line}");
        assert!(!shown.contains(SECRET));
    }
    let (.., warning) = command(&["token", "issue", "joe@acme"], "APPMIXER_TOKEN__SECRET_FILE", &file);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(warning.contains("everybody on this machine"), mode & 0o004 != 0, "{warning}");
    let mut both = binary(&server.data());
    both.env("APPMIXER_TOKEN__SECRET_FILE", &file).arg("check-config");
    let both = run(both, "");
    assert_eq!(both.status.code(), Some(2));
    assert!(String::from_utf8(both.stderr).unwrap().contains("token.secret and token.secret_file"));
}

#[test]
fn a_running_server_survives_a_key_that_is_damaged_under_it() {
    let server = TestServer::start();
    let by_secret = server.user("joe@acme");
    rotate(&server, &["--algorithm", "eddsa", "--activate-in", "0"]);
    signs_with(&server, "joe@acme", "EdDSA");
    let database = rusqlite::Connection::open(server.data().join("appmixer.sqlite")).unwrap();
    database.execute("UPDATE signing_keys SET sealed = x'01ff' WHERE sealed <> x''", []).unwrap();
    signs_with(&server, "joe@acme", "HS256");
    server.get("/user", &by_secret).expect(200);
    assert!(published(&server).is_empty());
    eventually(|| server.log().contains("the signing key"));
    let states: Vec<_> = list(&server).iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, ["unusable", "signs"]);
}

#[test]
fn a_rotation_that_is_killed_leaves_a_server_that_works() {
    let mut server = TestServer::start();
    let token = server.user("joe@acme");
    for round in 0..8u64 {
        let mut command = binary(&server.data());
        command.args(["key", "rotate", "--algorithm", "eddsa", "--activate-in", "0"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Somewhere between its start and its end.
        thread::sleep(Duration::from_millis(3 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        if round % 4 == 3 {
            server = server.kill_and_restart();
        }
        server.get("/user", &token).expect(200);
        let new = server.sign_in("joe@acme", "abc321").expect(200).text("token");
        server.get("/user", &new).expect(200);
        let keys = list(&server);
        assert_eq!(keys.iter().filter(|key| key["state"] == "signs").count(), 1, "{keys:?}");
        assert_eq!(keys.iter().filter(|key| key["ends"].is_null()).count(), 1, "{keys:?}");
        assert_eq!(keys[0]["ends"], Value::Null);
    }
    server.assert_well();
}
