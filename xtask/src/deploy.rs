//! What `deploy/` has for others' programs, checked by those programs or by what knows their formats.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::process::{command, may_install, root, run};
use crate::{programs, python};

/// What is not at hand and cannot be had is told, and not checked.
pub(crate) fn check() -> Result<()> {
    if let Some(bin) = python::DEPLOY.install()? {
        let bin = bin.display();
        run(&mut command(&format!("{bin}/hadolint deploy/docker/Dockerfile")))?;
        run(&mut command(&format!("{bin}/python xtask/deploy.py deploy")))?;
        for example in ["Caddyfile", "forward-auth.Caddyfile"] {
            let caddy = format!("{bin}/caddy validate --adapter caddyfile --config deploy/caddy/{example}");
            // It asks the nodes how they are, and nobody else's machines should be asked.
            run(command(&caddy).env("APPMIXER_NODES", "127.0.0.1:1 127.0.0.1:2"))?;
        }
    }
    // Tests run it, and what is there for Traefik, which has no way to check a file.
    if let Some(bin) = python::TESTS.install()? {
        let envoy = bin.join("envoy");
        run(&mut command(&format!("{} --mode validate -c deploy/envoy/forward-auth.yaml", envoy.display())))?;
    }
    if let Some(haproxy) = at_hand("haproxy")? {
        run(&mut command(&format!("{} -c -f deploy/haproxy/haproxy.cfg", haproxy.display())))?;
    }
    at_hand("nginx")?.map_or(Ok(()), |nginx| check_nginx(&nginx))
}

/// The checks of Checkov that do not apply to the chart.
const NOT_FOR_THE_CHART: &[&str] = &[
    // A limit of processor time would throttle password hashing in bursts.
    "CKV_K8S_11",
    // Versions are tags, which do not move.
    "CKV_K8S_15",
    // The namespace and the digest of the image are the operator's.
    "CKV_K8S_21",
    "CKV_K8S_43",
];

/// Runs Checkov on the Dockerfile and on the objects of the chart. A part of `cargo xtask test --full`.
pub(crate) fn check_policies() -> Result<()> {
    let (Some(deploy), Some(full)) = (python::DEPLOY.install()?, python::FULL.install()?) else {
        return Ok(());
    };
    let chart = tempfile::tempdir()?;
    let mut render = command(&format!("{}/python xtask/deploy.py deploy", deploy.display()));
    run(render.arg(chart.path()))?;
    let checkov = format!("{}/checkov --skip-download --quiet --compact", full.display());
    run(&mut command(&format!("{checkov} --framework dockerfile --file deploy/docker/Dockerfile")))?;
    let skipped = NOT_FOR_THE_CHART.join(",");
    let mut kubernetes = command(&format!("{checkov} --framework kubernetes --skip-check {skipped}"));
    run(kubernetes.arg("--directory").arg(chart.path()))
}

/// A program that tests run too.
fn at_hand(name: &str) -> Result<Option<PathBuf>> {
    if programs::find(name).is_none() && may_install() {
        programs::install()?;
    }
    let found = programs::find(name);
    if found.is_none() {
        eprintln!("{name} is not at hand: its example is not checked");
    }
    Ok(found)
}

/// The examples are parts of a configuration, for which this makes the rest.
fn check_nginx(nginx: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let own = folder.path().display();
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = folders.map(|name| format!("{name}_temp_path {own}/{name};")).concat();
    let examples = root().join("deploy/nginx/*.conf");
    let whole = format!(
        "pid {own}/pid; events {{}} http {{ access_log off; {folders} include {}; }}",
        examples.display()
    );
    fs::write(folder.path().join("nginx.conf"), whole)?;
    run(&mut command(&format!("{} -t -q -e stderr -c {own}/nginx.conf", nginx.display())))
}
