//! The apps: a thousand components in one answer.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use serde_json::json;

use super::client::Client;
use super::rows::{JOE, ROUNDS, ratio};
use super::statistics::median;
use super::{Bench, Row, load};

const COMPONENTS: usize = 1000;
const PATH: &str = "/apps/components?app=acme.a";

pub(super) fn components(bench: &Bench) -> Result<Vec<Row>> {
    let folder = connectors(bench.folder.path())?;
    let server = bench.serve_with("apps", &[("APPMIXER_APPS__FOLDER", folder.as_path())])?;
    let mut client = Client::connect(&server.address)?;
    let token = client.post("/user", JOE)?.token()?;
    let answer = client.get(PATH, &token)?;
    ensure!(answer.status() == "200", "GET {PATH}: {}", answer.status());
    let bare = bench.bare(answer.bytes())?;
    let (mut ours, mut theirs) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        ours.push(load::get(&server.address, PATH, &token, bench.duration)?.per_second);
        theirs.push(load::get(&bare.address, PATH, &token, bench.duration)?.per_second);
    }
    let rate = ratio(&ours, &theirs);
    Ok(vec![Row {
        what: "`GET /apps/components`, 1,000 components, 64 connections: requests per second".to_owned(),
        against: format!("a bare hyper server with the same answer: {:.0}", median(&theirs)),
        measured: format!("{:.0}: **{rate:.2}**", median(&ours)),
        goal: "≥ 0.85",
        met: rate >= 0.85,
    }])
}

/// A folder of one app.
fn connectors(folder: &Path) -> Result<PathBuf> {
    let apps = folder.join("connectors");
    let service = apps.join("acme/a");
    fs::create_dir_all(&service)?;
    fs::write(service.join("service.json"), json!({"name": "acme.a", "label": "A"}).to_string())?;
    for number in 0..COMPONENTS {
        let component = service.join(format!("core/C{number}"));
        fs::create_dir_all(&component)?;
        let inputs: Vec<_> =
            (0..8).map(|port| json!({"name": format!("in{port}"), "required": false})).collect();
        let manifest = json!({
            "name": format!("acme.a.core.C{number}"),
            "description": "What a component of the usual size says of itself.",
            "inPorts": inputs,
        });
        fs::write(component.join("component.json"), manifest.to_string())?;
    }
    Ok(apps)
}
