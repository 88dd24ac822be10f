//! `/apps` and `/apps/components`: from a folder of manifests to what each user may see.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, TestServer, eventually};

const SEND: &str = r#"{"name":"acme.mail.gmail.Send","author":"A <a@b>","private":false,"inPorts":[{"name":"in"}],"icon":"data:image/png;base64,AA=="}"#;

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Connectors in the layout of the public ones: a service of two modules, and one that is an app itself.
fn connectors() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("acme/mail/service.json", r#"{"name":"acme.mail","label":"Mail"}"#),
        (
            "acme/mail/gmail/module.json",
            r#"{ "name": "acme.mail.gmail", "label": "Gmail", "category": "applications", "description": "Mail.", "version": "1.0.0", "icon": "data:image/png;base64,AA==" }"#,
        ),
        ("acme/mail/gmail/Send/component.json", SEND),
        (
            "acme/mail/gmail/Hidden/component.json",
            r#"{"name":"acme.mail.gmail.Hidden","private":true,"icon":"data:,"}"#,
        ),
        ("acme/mail/secret/module.json", r#"{"name":"acme.mail.secret","label":"Secret"}"#),
        ("acme/mail/secret/Only/component.json", r#"{"name":"acme.mail.secret.Only","private":true}"#),
        ("acme/sms/service.json", r#"{"name":"acme.sms","label":"SMS","category":"utilities"}"#),
        ("acme/sms/icon.svg", "<svg/>"),
        ("acme/sms/core/Text/component.json", r#"{"name":"acme.sms.core.Text"}"#),
        ("acme/unused/service.json", r#"{"name":"acme.unused","label":"Unused"}"#),
    ] {
        write(folder.path(), path, text);
    }
    folder
}

fn serve(folder: &Path) -> TestServer {
    TestServer::with(&[("APPMIXER_APPS__FOLDER", folder.to_str().unwrap())])
}

/// The names of the apps that somebody sees.
fn apps(server: &TestServer, token: &str) -> Vec<String> {
    names(&server.get("/apps", token).expect(200))
}

fn names(answer: &Answer) -> Vec<String> {
    answer.json().as_object().unwrap().keys().cloned().collect()
}

/// The last parts of the names of the components that somebody sees.
fn components(server: &TestServer, token: &str, query: &str) -> Vec<String> {
    let answer = server.get(&format!("/apps/components?{query}"), token).expect(200).json();
    let name = |component: &Value| component["name"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
    answer.as_array().unwrap().iter().map(name).collect()
}

/// What the server has logged of the folder.
fn told(server: &TestServer, what: &str) -> usize {
    server.log().lines().filter(|line| line.contains("\"WARN\"") && line.contains(what)).count()
}

#[test]
fn apps_are_an_object_by_name_and_components_are_their_manifests() {
    let folder = connectors();
    let server = serve(folder.path());
    let token = server.user("joe@acme");
    let answer = server.get("/apps", &token).expect(200);
    assert_eq!(
        answer.body,
        concat!(
            r#"{"acme.mail.gmail":{"name":"acme.mail.gmail","label":"Gmail","category":"applications","description":"Mail.","icon":"data:image/png;base64,AA=="},"#,
            r#""acme.sms":{"name":"acme.sms","label":"SMS","category":"utilities","description":"","icon":"data:image/svg+xml;base64,PHN2Zy8+"}}"#
        )
    );
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(
        server.get("/apps/components?app=acme.mail.gmail", &token).expect(200).body,
        format!("[{SEND}]")
    );
    assert_eq!(components(&server, &token, "app=acme.sms"), ["Text"]);
    // A service with modules, and one component, can be asked for as well.
    assert_eq!(components(&server, &token, "app=acme.mail"), ["Send"]);
    assert_eq!(components(&server, &token, "app=acme.sms.core.Text"), ["Text"]);
    for nothing in ["acme", "acme.nothing", "acme.mail.secret", "%2e%2e", "*", "acme.mail.gmail%00"] {
        assert_eq!(components(&server, &token, &format!("app={nothing}")), [""; 0], "{nothing}");
    }
    server.assert_well();
}

#[test]
fn without_a_folder_there_are_no_apps() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    assert_eq!(server.get("/apps", &token).expect(200).body, "{}");
    assert_eq!(server.get("/apps/components?app=acme.mail", &token).expect(200).body, "[]");
    assert_eq!(told(&server, "apps"), 0);
}

#[test]
fn what_is_wrong_with_a_request_is_told() {
    let folder = connectors();
    let server = serve(folder.path());
    let (admin, token) = (server.admin(), server.user("joe@acme"));
    for path in ["/apps", "/apps/components?app=acme.sms"] {
        assert_eq!(server.request("GET", path, &[], b"").error(401), "Missing authentication");
        let bad = server.request("POST", path, &[("Authorization", &format!("Bearer {token}"))], b"");
        assert_eq!(bad.header("allow"), Some("get, head, options"));
        assert_eq!(bad.error(405), "POST is not allowed here");
    }
    for (token, path, message) in [
        (&token, "/apps/components", r#""app" is required"#),
        (&token, "/apps/components?app=", r#""app" must not be empty"#),
        (&token, "/apps/components?app=a&app=b", r#""app" must be given once"#),
        (&token, "/apps?ignoreACL=true", r#""ignoreACL" is for administrators"#),
        (
            &token,
            "/apps/components?ignoreACL=true",
            r#""ignoreACL" is for administrators. "app" is required"#,
        ),
        (&admin, "/apps?ignoreACL=yes", r#""ignoreACL" must be true or false"#),
        (&admin, "/apps?ignoreACL=true&ignoreACL=true", r#""ignoreACL" must be given once"#),
        (&admin, "/apps?ignoreACL=%ff", "Invalid query: not UTF-8"),
    ] {
        assert_eq!(server.get(path, token).error(400), message, "{path}");
    }
    let details = server.get("/apps/components", &token).json()["details"].clone();
    assert_eq!(details, json!([{"path": "app", "message": "is required"}]));
    server.get("/apps?ignoreACL=false&other=1", &token).expect(200);
    server.assert_well();
}

#[test]
fn a_client_that_has_the_answer_gets_304() {
    let folder = connectors();
    let server = serve(folder.path());
    let (joe, ann) = (server.user("joe@acme"), server.user("ann@other"));
    for path in ["/apps", "/apps/components?app=acme.mail.gmail", "/apps/components?app=nothing"] {
        let first = server.get(path, &joe).expect(200);
        let tag = first.header("etag").unwrap().to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20, "{tag}");
        assert_eq!(first.header("cache-control"), Some("private, no-cache"));
        assert_eq!(first.header("vary"), Some("authorization"));
        // Who sees the same has the same tag.
        assert_eq!(server.get(path, &ann).expect(200).header("etag"), Some(tag.as_str()));

        let bearer = format!("Bearer {joe}");
        let ask = |method: &str, tags: &str| {
            server.request(method, path, &[("Authorization", &bearer), ("If-None-Match", tags)], b"")
        };
        for known in [tag.as_str(), &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
            for method in ["GET", "HEAD"] {
                let answer = ask(method, known).expect(304);
                assert_eq!(
                    (answer.body.as_str(), answer.header("etag")),
                    ("", Some(tag.as_str())),
                    "{known}"
                );
                assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
            }
        }
        assert_eq!(ask("GET", "\"x\"").expect(200).body, first.body);
        let head = ask("HEAD", "\"x\"").expect(200);
        assert_eq!(head.body, "");
        assert_eq!(head.header("content-length"), Some(first.body.len().to_string().as_str()));
        // No tag replaces a token.
        server.request("GET", path, &[("If-None-Match", &tag)], b"").expect(401);
    }
    server.assert_well();
}

#[test]
fn answers_vary_with_the_origin_too_where_it_counts() {
    let folder = connectors();
    let server = TestServer::with(&[
        ("APPMIXER_APPS__FOLDER", folder.path().to_str().unwrap()),
        ("APPMIXER_HTTP__CORS_ORIGINS", "https://a.b"),
    ]);
    let token = server.user("joe@acme");
    let answer = server.get("/apps", &token).expect(200);
    let vary: Vec<_> = answer.head.lines().filter(|line| line.starts_with("vary: ")).collect();
    assert_eq!(vary, ["vary: authorization", "vary: origin"]);
}

#[test]
fn rules_about_routes_guard_apps_at_once() {
    let folder = connectors();
    let server = serve(folder.path());
    let (admin, joe, ann) =
        (server.admin(), server.vouched_user("joe@acme.com"), server.vouched_user("ann@other.com"));
    let set = |rules: &str| server.post_as(&admin, "/acl/routes", rules).expect(200);
    let status = |token: &str| {
        let statuses = ["/apps", "/apps/components?app=acme.sms"].map(|path| server.get(path, token).status);
        assert_eq!(statuses[0], statuses[1]);
        statuses[0]
    };
    assert_eq!([status(&admin), status(&joe), status(&ann)], [200, 200, 200]);
    // Naming the resource shuts out whom no rule lets in, administrators too.
    set(r#"[{"role":"acme.com","resource":"apps","action":["read"]}]"#);
    assert_eq!([status(&admin), status(&joe), status(&ann)], [403, 200, 403]);
    assert_eq!(server.get("/apps", &ann).error(403), "The access rules do not allow this");
    let bearer = format!("Bearer {ann}");
    assert_eq!(server.request("HEAD", "/apps", &[("Authorization", &bearer)], b"").status, 403);
    set(
        r#"[{"role":"user","resource":"*","action":["*"]},{"role":"joe@ACME.com","resource":"apps","action":["!read"]}]"#,
    );
    assert_eq!([status(&admin), status(&joe), status(&ann)], [200, 403, 200]);
    set(r#"[{"role":"user","resource":"apps","action":["create"]}]"#);
    assert_eq!([status(&joe), status(&ann)], [403, 403]);
    set(r#"[{"role":"user","resource":"flows","action":["*"]}]"#);
    assert_eq!([status(&joe), status(&ann)], [200, 200]);
    server.assert_well();
}

#[test]
fn rules_about_components_decide_what_is_shown_at_once() {
    let folder = connectors();
    let server = serve(folder.path());
    let (admin, joe, ann) =
        (server.admin(), server.vouched_user("joe@acme.com"), server.vouched_user("ann@other.com"));
    let set = |rules: &str| server.post_as(&admin, "/acl/components", rules).expect(200);
    assert_eq!(apps(&server, &joe), ["acme.mail.gmail", "acme.sms"]);
    set("[]");
    assert_eq!(server.get("/apps", &joe).expect(200).body, "{}");
    assert_eq!(components(&server, &joe, "app=acme.sms"), [""; 0]);
    set(
        r#"[{"role":"acme.com","resource":"acme.mail*","action":["*"]},{"role":"user","resource":"acme.sms.core.Text","action":["read"]}]"#,
    );
    assert_eq!(apps(&server, &joe), ["acme.mail.gmail", "acme.sms"]);
    assert_eq!(apps(&server, &ann), ["acme.sms"]);
    assert_eq!(components(&server, &ann, "app=acme.mail.gmail"), [""; 0]);
    set(
        r#"[{"role":"*","resource":"*","action":["*"]},{"role":"joe@acme.com","resource":"acme.sms*","action":["!read"]}]"#,
    );
    assert_eq!(apps(&server, &joe), ["acme.mail.gmail"]);
    assert_eq!(apps(&server, &ann), ["acme.mail.gmail", "acme.sms"]);
    server.assert_well();
}

#[test]
fn private_components_are_shown_in_three_ways() {
    let folder = connectors();
    let server = serve(folder.path());
    let admin = server.admin();
    let id = |token: &str| server.get("/user", token).expect(200).text("id");
    let (joe, ann) = (server.vouched_user("joe@acme.com"), server.vouched_user("ann@other.com"));
    let public = ["acme.mail.gmail", "acme.sms"];
    let all = ["acme.mail.gmail", "acme.mail.secret", "acme.sms"];
    assert_eq!(apps(&server, &joe), public);

    // The user's own list, at once.
    let path = format!("/users/{}", id(&joe));
    let list =
        r#"{"allowedPrivateComponents":["acme.mail.secret.Only","acme.sms.core.Text","acme.nothing"]}"#;
    server.put_as(&admin, &path, list).expect(200);
    assert_eq!(apps(&server, &joe), all);
    assert_eq!(components(&server, &joe, "app=acme.mail"), ["Send", "Only"]);
    assert_eq!(apps(&server, &ann), public);
    server.put_as(&admin, &path, r#"{"allowedPrivateComponents":[]}"#).expect(200);
    assert_eq!(apps(&server, &joe), public);

    // The scope, from the next sign-in.
    server.put_as(&admin, &path, r#"{"scope":["user","private"]}"#).expect(200);
    assert_eq!(apps(&server, &joe), public);
    let joe = server.sign_in("joe@acme.com", "abc321").text("token");
    assert_eq!(apps(&server, &joe), all);
    assert_eq!(components(&server, &joe, "app=acme.mail.gmail"), ["Hidden", "Send"]);

    // A rule's attribute.
    server
        .post_as(
            &admin,
            "/acl/components",
            r#"[{"role":"user","resource":"*","action":["*"]},{"role":"other.com","resource":"acme.mail.gmail*","action":["*"],"attributes":["private"]}]"#,
        )
        .expect(200);
    assert_eq!(apps(&server, &ann), public);
    assert_eq!(components(&server, &ann, "app=acme.mail.gmail"), ["Hidden", "Send"]);
    assert_eq!(components(&server, &ann, "app=acme.mail.secret"), [""; 0]);

    // Administrators can leave all of that aside, and see what has no components as well.
    assert_eq!(apps(&server, &admin), public);
    let everything = names(&server.get("/apps?ignoreACL=true", &admin).expect(200));
    assert_eq!(everything, ["acme.mail.gmail", "acme.mail.secret", "acme.sms", "acme.unused"]);
    assert_eq!(components(&server, &admin, "ignoreACL=true&app=acme.mail"), ["Hidden", "Send", "Only"]);
    server.assert_well();
}

#[test]
fn the_folder_is_read_again_when_it_changes() {
    let folder = connectors();
    let apps_folder = folder.path().join("..").join(folder.path().file_name().unwrap());
    let server = serve(&apps_folder);
    let token = server.user("joe@acme");
    let before = server.get("/apps/components?app=acme.sms", &token).expect(200);
    write(
        folder.path(),
        "acme/sms/core/Text/component.json",
        r#"{"name":"acme.sms.core.Text","label":"New"}"#,
    );
    let seen = |body: &str| {
        eventually(|| server.get("/apps/components?app=acme.sms", &token).expect(200).body == body);
    };
    seen(r#"[{"name":"acme.sms.core.Text","label":"New"}]"#);
    let after = server.get("/apps/components?app=acme.sms", &token).expect(200);
    assert_ne!(before.header("etag"), after.header("etag"));
    write(folder.path(), "acme/sms/core/Call/component.json", r#"{"name":"acme.sms.core.Call"}"#);
    seen(r#"[{"name":"acme.sms.core.Call"},{"name":"acme.sms.core.Text","label":"New"}]"#);
    fs::remove_dir_all(folder.path().join("acme/sms/core/Text")).unwrap();
    seen(r#"[{"name":"acme.sms.core.Call"}]"#);
    fs::remove_dir_all(folder.path().join("acme/sms")).unwrap();
    eventually(|| apps(&server, &token) == ["acme.mail.gmail"]);
    server.assert_well();
}

#[test]
fn a_broken_manifest_is_told_once_and_read_once_it_is_whole() {
    let folder = connectors();
    write(folder.path(), "acme/sms/core/Bad/component.json", r#"{"name":"acme.sms.core.Bad""#);
    let server = serve(folder.path());
    let token = server.user("joe@acme");
    assert_eq!(components(&server, &token, "app=acme.sms"), ["Text"]);
    eventually(|| told(&server, "acme/sms/core/Bad/component.json") == 1);
    // Two more readings change nothing about it.
    for name in ["One", "Two"] {
        let manifest = format!(r#"{{"name":"acme.sms.core.{name}"}}"#);
        write(folder.path(), &format!("acme/sms/core/{name}/component.json"), &manifest);
        eventually(|| components(&server, &token, "app=acme.sms").iter().any(|there| there == name));
    }
    assert_eq!(told(&server, "acme/sms/core/Bad/component.json"), 1);
    write(folder.path(), "acme/sms/core/Bad/component.json", "[]");
    eventually(|| told(&server, "acme/sms/core/Bad/component.json") == 2);
    write(folder.path(), "acme/sms/core/Bad/component.json", r#"{"name":"acme.sms.core.Bad"}"#);
    eventually(|| components(&server, &token, "app=acme.sms").iter().any(|there| there == "Bad"));
    server.assert_well();
}

#[test]
fn a_folder_that_is_missing_is_told_once_and_what_was_read_stays() {
    let scratch = connectors();
    let folder = scratch.path().join("apps");
    let server = serve(&folder);
    let token = server.user("joe@acme");
    assert_eq!(server.get("/apps", &token).expect(200).body, "{}");
    eventually(|| told(&server, "the folder of apps cannot be read") == 1);
    fs::create_dir(&folder).unwrap();
    fs::rename(scratch.path().join("acme"), folder.join("acme")).unwrap();
    eventually(|| apps(&server, &token).len() == 2);
    assert_eq!(told(&server, "the folder of apps cannot be read"), 1);
    // Away again: an operator who moves folders about should not take everybody's apps away.
    fs::rename(&folder, scratch.path().join("away")).unwrap();
    eventually(|| told(&server, "the folder of apps cannot be read") == 2);
    assert_eq!(apps(&server, &token).len(), 2);
    server.assert_well();
}
