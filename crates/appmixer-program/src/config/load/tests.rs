//! What the sources together are, and what is refused.

use std::fs;

use super::*;

fn try_load(toml: &str, vars: &[(&str, &str)], overrides: &Overrides) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.toml");
    fs::write(&path, toml).unwrap();
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let vars: Vec<_> = vars.collect();
    let loaded = sources(Some(&path), overrides, &vars).and_then(|figment| {
        let config = figment.extract().map_err(|error| explain(&error))?;
        check(&config).map(|()| config)
    });
    loaded.map_err(|failure| {
        assert_eq!(failure.code(), 2);
        failure.to_string()
    })
}

#[test]
fn flags_beat_the_environment_which_beats_the_file_which_beats_the_defaults() {
    let toml = "listen = '127.0.0.1:1'\ndata = 'file'\n[password]\nqueue = 7";
    let vars = [("APPMIXER_LISTEN", "127.0.0.1:2"), ("APPMIXER_DATA", "env")];
    let overrides = Overrides { listen: Some("127.0.0.1:3".to_owned()), data: None };
    let config = try_load(toml, &vars, &overrides).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:3");
    assert_eq!(config.data, PathBuf::from("env"));
    assert_eq!((config.password.queue, config.password.min_length), (7, 6));
}

#[test]
fn a_secret_that_looks_like_a_number_or_a_list_stays_what_it_is() {
    for secret in [
        "00000000000000000000000000000001",
        "[1,2]bcdefghijklmnopqrstuvwxyz012345",
        "1e5000000000000000000000000000000000",
    ] {
        let config = try_load("", &[("APPMIXER_TOKEN__SECRET", secret)], &Overrides::default()).unwrap();
        assert_eq!(config.token.secret.unwrap().as_bytes(), secret.as_bytes());
    }
}

#[test]
fn lists_in_the_environment_need_no_brackets() {
    let origins = |text: &str| {
        let vars = [("APPMIXER_HTTP__CORS_ORIGINS", text)];
        try_load("", &vars, &Overrides::default()).unwrap().http.cors_origins
    };
    assert_eq!(origins("https://a.b"), ["https://a.b"]);
    assert_eq!(origins("https://a.b, https://c.d"), ["https://a.b", "https://c.d"]);
    assert_eq!(origins(r#"["https://a.b"]"#), ["https://a.b"]);
}

#[test]
fn what_is_wrong_is_told_in_one_line_with_the_key_and_its_place() {
    let none = Overrides::default();
    let bad_flag = Overrides { listen: Some("nowhere".to_owned()), data: None };
    let secret = "s3cr3t";
    for (toml, vars, overrides, parts) in [
        ("colour = 1", vec![], &none, ["colour", "no such key", "test.toml"]),
        ("[http]\nbody_limits = 1", vec![], &none, ["http.body_limits", "no such key", "test.toml"]),
        ("[http]\nbody_limit = 'x'", vec![], &none, ["http.body_limit", "invalid type", "test.toml"]),
        (
            "",
            vec![("APPMIXER_HTTP__BODY_LIMITS", "1")],
            &none,
            ["http.body_limits", "no such key", "APPMIXER_HTTP__BODY_LIMITS"],
        ),
        (
            "",
            vec![("APPMIXER_HTTP_BODY_LIMIT", "1")],
            &none,
            ["http_body_limit", "two underscores: APPMIXER_HTTP__BODY_LIMIT", "no such key"],
        ),
        (
            "[http]\nbody_limt = 1",
            vec![],
            &none,
            ["http.body_limt", "did you mean http.body_limit?", "test.toml"],
        ),
        (
            "http_body_limit = 1",
            vec![],
            &none,
            ["http_body_limit", "did you mean http.body_limit?", "test.toml"],
        ),
        (
            "",
            vec![("APPMIXER_PASSWORD__QUEUE", "many")],
            &none,
            ["password.queue", "invalid type", "APPMIXER_PASSWORD__QUEUE"],
        ),
        (
            "",
            vec![("APPMIXER_TOKEN__LIFETIME", "1 year")],
            &none,
            ["token.lifetime", "30d", "APPMIXER_TOKEN__LIFETIME"],
        ),
        ("", vec![], &bad_flag, ["listen", "socket address", "--listen"]),
        ("", vec![("APPMIXER_TOKEN__SECRET", secret)], &none, ["token.secret", "32", "allow_short_secret"]),
        ("[password]\nmemory_kib = 1", vec![], &none, ["password", "memory", "8 KiB"]),
        ("[log]\nlevel = 'loud=loud'", vec![], &none, ["log.level", "info", "debug"]),
        (
            "[log]\nlevel = 'warning'",
            vec![],
            &none,
            ["log.level", "`warning` is no level", "error, warn, info"],
        ),
        (
            "[http]\ncors_origins = ['app.example.com']",
            vec![],
            &none,
            ["http.cors_origins", "app.example.com", "origin"],
        ),
        (
            "",
            vec![("APPMIXER_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 0.0.0.0/0")],
            &none,
            ["http.trusted_proxies", "0.0.0.0/0", "everybody"],
        ),
        ("[tls]\nkey = 'key.pem'", vec![], &none, ["tls.certificate", "tls.key", "needs"]),
        ("[tls]\nlisten = '[::1]:1'", vec![], &none, ["tls.listen", "tls.certificate", "needs"]),
        ("listen_unix_mode = '9'", vec![], &none, ["listen_unix_mode", "0660", "test.toml"]),
        ("[limits]\nsign_in = '20'", vec![], &none, ["limits.sign_in", "20/1m", "test.toml"]),
        ("[limits]\nsign_in = 20", vec![], &none, ["limits.sign_in", "invalid type", "test.toml"]),
        ("", vec![("APPMIXER_LIMITS__EXEMPT", "office")], &none, ["limits.exempt", "office", "unix"]),
        ("[console]\nsession = '13h'", vec![], &none, ["console.session", "at most", "12h"]),
        (
            "[console]\norigin = 'admin.example.com'",
            vec![],
            &none,
            ["console.origin", "admin.example.com", "https://"],
        ),
        ("[console]\nsession = '1500ms'", vec![], &none, ["console.session", "whole", "seconds"]),
        ("[limits]\nentries = 1", vec![], &none, ["limits.entries", "1024", "16777216"]),
        ("this is no toml", vec![], &none, ["TOML", "test.toml", "="]),
    ] {
        let line = try_load(toml, &vars, overrides).unwrap_err();
        for part in parts {
            assert!(line.contains(part), "{part:?} is not in: {line}");
        }
        assert!(!line.contains('\n') && !line.contains(secret), "{line}");
    }
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let failure = sources(Some(Path::new("/nowhere.toml")), &Overrides::default(), &[]);
    assert!(failure.err().unwrap().to_string().contains("/nowhere.toml"));
}

#[test]
fn origins_may_be_beyond_ascii() {
    let toml =
        "[console]\norigin = 'https://bücher.example'\n[http]\ncors_origins = ['https://bücher.example']";
    let config = try_load(toml, &[], &Overrides::default()).unwrap();
    assert_eq!(config.console_origin().unwrap().unwrap().as_str(), "https://xn--bcher-kva.example");
    assert!(format!("{:?}", config.cors_origins().unwrap()).contains("https://xn--bcher-kva.example"));
}

#[test]
fn folders_sockets_and_databases_that_cannot_be_are_refused() {
    let none = Overrides::default();
    let long = format!("listen_unix = '/{}'", "x".repeat(120));
    for (toml, part) in [
        ("data = ''", "data: must name a folder"),
        ("listen_unix = ''", "listen_unix: must name a file"),
        (&long, "listen_unix: the path of a Unix socket must have at most 107 bytes"),
        ("store.url = 'sqlite::memory:'", "store.url: sqlite::memory: is not supported"),
        ("token.lifetime = '99999999d'", "token.lifetime: must be at most 36500d"),
    ] {
        let line = try_load(toml, &[], &none).unwrap_err();
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn a_folder_is_no_configuration_file() {
    let folder = tempfile::tempdir().unwrap();
    let failure = sources(Some(folder.path()), &Overrides::default(), &[]).err().unwrap();
    assert!(failure.to_string().contains("is a folder"), "{failure}");
}

#[test]
fn no_message_repeats_a_value_that_may_be_a_secret() {
    const SECRET: &str = "S3CRETLEAKX";
    let none = Overrides::default();
    let url = "postgres://app:S3CRETLEAKX@db/app";
    for toml in [
        format!("[store]\nurl = \"postgres://app:pa\\{SECRET}@db/app\"\n"),
        format!("[store]\nurl = \"{url}\n"),
        format!("[store]\nurl = {url}\n"),
        format!("store = '{url}'"),
        format!("store = ['{url}']"),
        format!("store.url = ['{url}']"),
        format!("store.url = {{ is = '{url}' }}"),
        format!("store.pool_size = '{SECRET}'"),
        format!("store.url = 'mysql://app:{SECRET}@db/app'"),
        format!("token = '{SECRET}'"),
        format!("[token]\nsecret={SECRET}"),
        format!("[token]\nsecret='{SECRET}'"),
        format!("[token]\nsecret=\"{SECRET}\\q\""),
        format!("[token]\nsecret='{SECRET}' {SECRET}"),
        format!("[token]\nprevious_secrets='{SECRET}'"),
        format!("[token]\nprevious_secrets=['{SECRET}'"),
        format!("[token]\nprevious_secrets=[['{SECRET}']]"),
        format!("[token]\nprevious_secrets=['{SECRET}']"),
        format!("[token]\nallow_short_secret='{SECRET}'"),
        SECRET.to_owned(),
        format!("'{SECRET}'"),
        format!("gateway = '{SECRET}'"),
        format!("gateway.routes = '{SECRET}'"),
        format!("[gateway.routes.\"/x\"]\nto = 'http://joe:{SECRET}@x'"),
        format!("[gateway.routes.\"/x\"]\nto = ['http://joe:{SECRET}@x']"),
        format!("[gateway.routes.\"/x\"]\nto = [['http://joe:{SECRET}@x']]"),
    ] {
        let line = try_load(&toml, &[], &none).unwrap_err();
        assert!(!line.contains(SECRET) && !line.contains('\n'), "{toml}: {line}");
    }
    for (name, value) in [
        ("APPMIXER_STORE", url),
        ("APPMIXER_STORE__URL", "app:S3CRETLEAKX@db/app"),
        ("APPMIXER_STORE__URL__X", url),
        ("APPMIXER_STORE__POOL_SIZE", SECRET),
        ("APPMIXER_TOKEN", SECRET),
        ("APPMIXER_TOKEN__SECRET", SECRET),
        ("APPMIXER_TOKEN__SECRETS", SECRET),
        ("APPMIXER_TOKEN__PREVIOUS_SECRETS", r#"["S3CRETLEAKX"]"#),
        ("APPMIXER_TOKEN__ALLOW_SHORT_SECRET", SECRET),
        ("APPMIXER_GATEWAY", SECRET),
        ("APPMIXER_GATEWAY__ROUTES", "{S3CRETLEAKX"),
        ("APPMIXER_GATEWAY__ROUTES", r#""S3CRETLEAKX""#),
        ("APPMIXER_GATEWAY__ROUTES", r#"{"/x":{"to":"http://joe:S3CRETLEAKX@x"}}"#),
        ("APPMIXER_GATEWAY__ROUTES", r#"{"/x":"http://joe:S3CRETLEAKX@x"}"#),
    ] {
        let line = try_load("", &[(name, value)], &none).unwrap_err();
        assert!(!line.contains(SECRET), "{name}: {line}");
    }
}

#[test]
fn an_error_in_the_file_is_named_by_its_place_and_its_reason() {
    let none = Overrides::default();
    let line = try_load("[store]\nurl = \"a\\sb\"\n", &[], &none).unwrap_err();
    for part in ["line 2, column", "invalid escape sequence", "test.toml"] {
        assert!(line.contains(part), "{line}");
    }
    let line = try_load("store = 'sqlite:x'", &[], &none).unwrap_err();
    assert!(line.contains("store: is a section") && line.contains("test.toml"), "{line}");
    let line = try_load("", &[("APPMIXER_GATEWAY__ROUTES", "{bad")], &none).unwrap_err();
    assert!(line.contains("gateway.routes: is not JSON"), "{line}");
}
