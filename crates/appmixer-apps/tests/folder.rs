//! What is read from a folder, and what is not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use appmixer_apps::{Apps, Catalog, Limits};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

async fn read_with(folder: &TempDir, limits: Limits) -> Arc<Catalog> {
    let apps = Apps::watch(folder.path().into(), limits).unwrap();
    tokio::time::timeout(PATIENCE, apps.ready()).await.unwrap()
}

async fn read(folder: &TempDir) -> Arc<Catalog> {
    read_with(folder, Limits::default()).await
}

fn app(name: &str) -> String {
    format!(r#"{{"name":"{name}","label":"L"}}"#)
}

fn component(name: &str) -> String {
    format!(r#"{{"name":"{name}"}}"#)
}

/// Each app with its components, as `app: component component`.
fn shown(catalog: &Catalog) -> Vec<String> {
    let components =
        |places: &[usize]| places.iter().map(|place| catalog.components()[*place].name()).collect::<Vec<_>>();
    catalog
        .apps()
        .iter()
        .map(|app| format!("{}: {}", app.name(), components(app.components()).join(" ")))
        .collect()
}

fn selected<'c>(catalog: &'c Catalog, name: &str) -> Vec<&'c str> {
    let selection = catalog.select(name).unwrap();
    selection.components.iter().map(|place| catalog.components()[*place].name()).collect()
}

#[tokio::test]
async fn an_app_is_a_module_or_a_service_without_modules() {
    let folder = folder(&[
        ("acme/asana/service.json", &app("acme.asana")),
        ("acme/asana/tasks/NewTask/component.json", &component("acme.asana.tasks.NewTask")),
        ("acme/asana/core/Call/component.json", &component("acme.asana.core.Call")),
        ("acme/asana/package.json", "{"),
        ("acme/google/service.json", &app("acme.google")),
        ("acme/google/gmail/module.json", &app("acme.google.gmail")),
        ("acme/google/gmail/Send/component.json", &component("acme.google.gmail.Send")),
        ("acme/google/drive/module.json", &app("acme.google.drive")),
        ("acme/google/drive/Copy/component.json", &component("acme.google.drive.Copy")),
        ("acme/twilio/service.json", &app("acme.twilio")),
        ("acme/twilio/SendSms/component.json", &component("acme.twilio.SendSms")),
        ("acme/mixed/service.json", &app("acme.mixed")),
        ("acme/mixed/Own/component.json", &component("acme.mixed.Own")),
        ("acme/mixed/part/module.json", &app("acme.mixed.part")),
        ("acme/mixed/part/Of/component.json", &component("acme.mixed.part.Of")),
        ("acme/empty/service.json", &app("acme.empty")),
        ("other/alone/mod/module.json", &app("other.alone.mod")),
        ("other/alone/mod/Do/component.json", &component("other.alone.mod.Do")),
    ]);
    let catalog = read(&folder).await;
    assert_eq!(
        shown(&catalog),
        [
            "acme.asana: acme.asana.core.Call acme.asana.tasks.NewTask",
            "acme.empty: ",
            "acme.google.drive: acme.google.drive.Copy",
            "acme.google.gmail: acme.google.gmail.Send",
            "acme.mixed: acme.mixed.Own",
            "acme.mixed.part: acme.mixed.part.Of",
            "acme.twilio: acme.twilio.SendSms",
            "other.alone.mod: other.alone.mod.Do",
        ]
    );
    // A name stands for an app, a service with modules, or one component.
    assert_eq!(selected(&catalog, "acme.asana").len(), 2);
    assert_eq!(selected(&catalog, "acme.google"), ["acme.google.drive.Copy", "acme.google.gmail.Send"]);
    assert_eq!(selected(&catalog, "acme.mixed"), ["acme.mixed.Own"]);
    assert_eq!(selected(&catalog, "acme.twilio.SendSms"), ["acme.twilio.SendSms"]);
    assert!(catalog.select("acme").is_none() && catalog.select("").is_none());
}

#[tokio::test]
async fn manifests_stay_as_they_are_but_for_white_space_and_a_missing_icon() {
    let service = r#"{ "name": "acme.a", "label": "A", "category": "applications", "icon": "data:image/png;base64,AA==",
        "version": "1.0.0", "description": "What it \"does\"" }"#;
    let folder = folder(&[
        ("acme/a/service.json", service),
        (
            "acme/a/One/component.json",
            "{\n  \"name\": \"acme.a.One\",\n  \"private\": true, \"b\": [1.5, { \"a\": null }]\n}\n",
        ),
        ("acme/a/One/icon.svg", "<svg/>"),
        ("acme/a/Two/component.json", r#"{"icon":"./logo.png","name":"acme.a.Two"}"#),
        ("acme/a/Two/logo.png", "png"),
        ("acme/a/Two/icon.svg", "<svg/>"),
        ("acme/a/Three/component.json", r#"{"name":"acme.a.Three","icon":"../One/icon.svg"}"#),
    ]);
    let catalog = read(&folder).await;
    let app = &catalog.apps()[0];
    assert_eq!(
        (app.label(), app.category(), app.description(), app.icon()),
        ("A", "applications", "What it \"does\"", "data:image/png;base64,AA==")
    );
    let manifests: Vec<_> = catalog.components().iter().map(|c| (c.is_private(), c.manifest())).collect();
    assert_eq!(
        manifests,
        [
            (
                true,
                r#"{"name":"acme.a.One","private":true,"b":[1.5,{"a":null}],"icon":"data:image/svg+xml;base64,PHN2Zy8+"}"#
            ),
            (false, r#"{"name":"acme.a.Three","icon":"../One/icon.svg"}"#),
            (false, r#"{"icon":"data:image/png;base64,cG5n","name":"acme.a.Two"}"#),
        ]
    );
}

#[tokio::test]
async fn what_is_broken_is_left_out_and_the_rest_is_there() {
    let folder = folder(&[
        ("acme/good/service.json", &app("acme.good")),
        ("acme/good/a/Fine/component.json", &component("acme.good.a.Fine")),
        ("acme/good/a/HalfWritten/component.json", r#"{"name":"acme.good.a.Half"#),
        ("acme/good/a/NoName/component.json", "{}"),
        ("acme/good/b/Twice/component.json", &component("acme.good.a.Fine")),
        ("acme/good/c/module.json", "[]"),
        ("acme/good/c/Gone/component.json", &component("acme.good.c.Gone")),
        ("acme/broken/service.json", "{"),
        ("acme/broken/x/Gone/component.json", &component("acme.broken.x.Gone")),
        ("acme/twice/service.json", &app("acme.good")),
        ("acme/twice/x/Gone/component.json", &component("acme.twice.x.Gone")),
        ("acme/orphan/x/Gone/component.json", &component("acme.orphan.x.Gone")),
        ("node_modules/a/service.json", &app("no")),
        (".git/a/service.json", &app("no")),
        ("acme/good/too/deep/for/it/component.json", &component("no")),
    ]);
    assert_eq!(shown(read(&folder).await.as_ref()), ["acme.good: acme.good.a.Fine"]);
}

#[tokio::test]
async fn nothing_outside_is_read_and_nothing_inside_makes_it_wait() {
    let outside = folder(&[
        ("x/component.json", &component("acme.a.Outside")),
        ("icon.svg", "secret"),
        ("linked/service.json", &app("acme.linked")),
    ]);
    let folder = folder(&[
        ("acme/a/service.json", &app("acme.a")),
        ("acme/a/Fine/component.json", &component("acme.a.Fine")),
    ]);
    let (inside, outside) = (folder.path().join("acme/a"), outside.path());
    symlink(outside.join("x"), inside.join("Linked")).unwrap();
    symlink(outside.join("linked"), folder.path().join("acme/linked")).unwrap();
    fs::create_dir(inside.join("File")).unwrap();
    symlink(outside.join("x/component.json"), inside.join("File/component.json")).unwrap();
    symlink(outside.join("icon.svg"), inside.join("Fine/icon.svg")).unwrap();
    symlink(folder.path(), inside.join("loop")).unwrap();
    symlink("self", folder.path().join("acme/self")).unwrap();
    fs::create_dir_all(inside.join("Pipe")).unwrap();
    for pipe in ["component.json", "icon.png"] {
        let path = inside.join("Pipe").join(pipe);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }
    fs::create_dir_all(inside.join("Folder/component.json")).unwrap();
    fs::create_dir_all(folder.path().join(OsStr::from_bytes(b"acme/a/\xff\xfe/x"))).unwrap();
    fs::create_dir_all(folder.path().join("acme/a/line\nfeed")).unwrap();
    fs::create_dir_all(folder.path().join("d/".repeat(500))).unwrap();
    let catalog = read(&folder).await;
    assert_eq!(shown(&catalog), ["acme.a: acme.a.Fine"]);
    assert_eq!(catalog.components()[0].manifest(), component("acme.a.Fine"));
}

#[tokio::test]
async fn what_is_beyond_a_limit_is_left_out() {
    let large = format!(r#"{{"name":"acme.a.Large","x":"{}"}}"#, "x".repeat(1000));
    let folder = folder(&[
        ("acme/a/service.json", &app("acme.a")),
        ("acme/a/A/component.json", &component("acme.a.A")),
        ("acme/a/A/icon.svg", &"x".repeat(1000)),
        ("acme/a/B/component.json", &large),
        ("acme/a/C/component.json", &component("acme.a.C")),
        ("acme/a/D/component.json", &component("acme.a.D")),
    ]);
    let small = Limits { manifest_bytes: 500, icon_bytes: 500, ..Limits::default() };
    let catalog = read_with(&folder, small).await;
    assert_eq!(shown(&catalog), ["acme.a: acme.a.A acme.a.C acme.a.D"]);
    assert_eq!(catalog.components()[0].manifest(), component("acme.a.A"));
    let few = Limits { manifests: 4, ..small };
    assert_eq!(shown(read_with(&folder, few).await.as_ref()), ["acme.a: acme.a.A acme.a.C"]);
    let short = Limits { total_bytes: 70, ..small };
    assert_eq!(shown(read_with(&folder, short).await.as_ref()), ["acme.a: acme.a.A acme.a.C"]);
    // Where one look ends is up to the file system's order; that it ends is what counts.
    let crowded = Limits { entries: 5, ..small };
    assert!(shown(read_with(&folder, crowded).await.as_ref()).len() <= 1);
}

/// Waits until the apps are these.
async fn eventually(apps: &Apps, expected: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let there = shown(apps.ready().await.as_ref());
        if there == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{there:?} is not {expected:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn every_kind_of_change_is_seen() {
    let scratch = folder(&[
        ("one/acme/a/service.json", &app("acme.a")),
        ("one/acme/a/A/component.json", &component("acme.a.A")),
        ("two/acme/b/service.json", &app("acme.b")),
        ("two/acme/b/B/component.json", &component("acme.b.B")),
    ]);
    let at = |path: &str| scratch.path().join(path);
    let apps = Apps::watch(at("apps"), Limits::default()).unwrap();
    // It is not there yet.
    eventually(&apps, &[]).await;
    symlink("one", at("apps")).unwrap();
    eventually(&apps, &["acme.a: acme.a.A"]).await;
    let kept = apps.ready().await;

    write(&at("one"), "acme/a/A/component.json", &component("acme.a.Z"));
    eventually(&apps, &["acme.a: acme.a.Z"]).await;
    write(&at("one"), "acme/a/x/B/component.json", &component("acme.a.x.B"));
    eventually(&apps, &["acme.a: acme.a.Z acme.a.x.B"]).await;
    fs::rename(at("one/acme/a/x"), at("one/acme/a/node_modules")).unwrap();
    eventually(&apps, &["acme.a: acme.a.Z"]).await;
    fs::rename(at("one/acme/a/node_modules"), at("one/acme/a/y")).unwrap();
    eventually(&apps, &["acme.a: acme.a.Z acme.a.x.B"]).await;
    fs::remove_dir_all(at("one/acme/a/y")).unwrap();
    eventually(&apps, &["acme.a: acme.a.Z"]).await;

    // The folder is replaced as a whole: by another link, then by a folder of the same name.
    symlink("two", at("next")).unwrap();
    fs::rename(at("next"), at("apps")).unwrap();
    eventually(&apps, &["acme.b: acme.b.B"]).await;
    fs::remove_file(at("apps")).unwrap();
    fs::rename(at("one"), at("apps")).unwrap();
    eventually(&apps, &["acme.a: acme.a.Z"]).await;
    // What was handed out stays as it was.
    assert_eq!(shown(&kept), ["acme.a: acme.a.A"]);
}
