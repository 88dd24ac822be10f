//! PostgreSQL that cannot be used: at the start, and while servers run on it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::Command;

use appmixer_testbed::{Port, Postgres};
use rustix::process::geteuid;
use serde_json::Value;

use crate::receivers::{Certificate, NOT_LISTED};
use crate::support::{TestServer, binary, eventually, run};

/// The status with which a server on this database ends at its start, and its line.
fn refused(url: &str, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command: Command = binary(&folder.path().join("data"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("APPMIXER_STORE__URL", url);
    let output = run(
        {
            command.envs(settings.iter().copied());
            command
        },
        "",
    );
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    for part in ["s3cret", "ssw0rd", "joe", "the-password-of-the-test-bed"] {
        assert!(!told.contains(part), "{told}");
    }
    (output.status.code(), told)
}

#[test]
fn a_database_that_is_away_ends_a_start_with_status_1_and_a_wrong_url_or_password_with_2() {
    let postgres = Postgres::shared();
    let url = postgres.database();
    // Nobody listens there: `postgres` may be started next.
    let port = Port::reserve();
    let (status, told) = refused(&format!("postgres://joe:s3cret@{}/app", port.address()), &[]);
    assert_eq!(status, Some(1), "{told}");
    assert!(
        told.contains(&format!("the database postgres://{}/app cannot be reached", port.address())),
        "{told}"
    );
    assert_eq!(refused("postgres://joe:s3cret@no-such-host.invalid/app", &[]).0, Some(1));

    let (status, told) = refused(&url.replace("the-password", "s3cret-password"), &[]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("password authentication failed"), "{told}");
    assert_eq!(refused(&url.replace("/test_", "/no_such_"), &[]).0, Some(2));
    for wrong in [
        "postgres://joe:p@ssw0rd@127.0.0.1/app",
        "postgres://joe:s3cret@127.0.0.1/app?sslmode=s3cret",
        "postgres://joe:s3cret@127.0.0.1/app?sslcert=/s3cret",
    ] {
        assert_eq!(refused(wrong, &[]).0, Some(2), "{wrong}");
    }
    let (_, told) = refused("postgres://joe:p@ssw0rd@127.0.0.1/app", &[]);
    assert!(told.contains("store.url") && told.contains("a @ in the password is written %40"), "{told}");
}

#[test]
fn the_log_says_once_that_the_database_is_lost_and_once_that_it_is_back() {
    let postgres = Postgres::start();
    let url = postgres.database();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("\u{feff}{url} \n")).unwrap();
    let server = TestServer::with(&[("APPMIXER_STORE__URL_FILE", file.path().to_str().unwrap())]);
    let place = format!("postgres://127.0.0.1:{}", url.rsplit(':').next().unwrap());
    let lines = |message: &str| -> Vec<Value> {
        let log = server.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message))).collect()
    };
    assert_eq!(lines("listening")[0]["database"], place.as_str());
    let joe = server.user("joe@acme");
    for round in 1..=2 {
        postgres.kill();
        eventually(|| lines("the database is lost").len() == round);
        eventually(|| server.request("GET", "/readyz", &[], b"").status == 503);
        postgres.start_again();
        eventually(|| lines("the database is back").len() == round);
        eventually(|| server.get("/user", &joe).status == 200);
    }
    let lost = &lines("the database is lost")[0];
    assert_eq!((&lost["database"], &lost["level"]), (&Value::from(place), &Value::from("WARN")));
    assert_eq!((lines("the database is lost").len(), lines("the database is back").len()), (2, 2));
    assert!(!server.log().contains("the-password-of-the-test-bed"));

    let alone = TestServer::start();
    let path = alone.data().join("appmixer.sqlite").display().to_string();
    assert!(alone.log().contains(&format!("\"database\":\"sqlite:{path}\"")), "{}", alone.log());
}

#[test]
fn a_databases_certificate_is_trusted_where_it_is_itself_listed() {
    let certificate = Certificate::of_openssl();
    let (public, key) = (certificate.path("cert.pem"), certificate.path("key.pem"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    if geteuid().is_root() {
        // PostgreSQL is run by nobody then.
        for file in [&public, &key, &certificate.path("")] {
            chown(file, Some(65534), Some(65534)).unwrap();
        }
    }
    let postgres = Postgres::start_with(&[("ssl", "on"), ("ssl_cert_file", &public), ("ssl_key_file", &key)]);
    let url = format!("{}?sslmode=verify-full", postgres.database());
    let server = TestServer::with(&[("APPMIXER_STORE__URL", &url), ("APPMIXER_STORE__CA_FILE", &public)]);
    server.user("joe@acme");
    server.assert_well();
    let named = TestServer::with(&[("APPMIXER_STORE__URL", &format!("{url}&sslrootcert={public}"))]);
    named.sign_in("joe@acme", "abc321").expect(200);

    let (status, told) = refused(&url, &[]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains(NOT_LISTED), "{told}");
    let other = Certificate::of_openssl();
    let (status, told) = refused(&url, &[("APPMIXER_STORE__CA_FILE", &other.file())]);
    assert_eq!(status, Some(2), "{told}");
}
