//! What `deploy/` has for others' programs, checked by those programs or by what knows their formats.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::process::{command, is_there, may_install, root, run};
use crate::{programs, python};

/// What is not at hand and cannot be had is told, and not checked.
pub(crate) fn check() -> Result<()> {
    if let Some(bin) = python::DEPLOY.install()? {
        let bin = bin.display();
        run(&mut command(&format!("{bin}/hadolint deploy/docker/Dockerfile")))?;
        run(&mut command(&format!("{bin}/python xtask/deploy.py deploy")))?;
        let caddy = format!("{bin}/caddy validate --adapter caddyfile --config deploy/caddy/Caddyfile");
        // It asks the nodes how they are, and nobody else's machines should be asked.
        run(command(&caddy).env("APPMIXER_NODES", "127.0.0.1:1 127.0.0.1:2"))?;
    }
    haproxy()?;
    nginx()
}

/// Tests run it too.
fn haproxy() -> Result<()> {
    if programs::find("haproxy").is_none() && may_install() {
        programs::install()?;
    }
    let Some(haproxy) = programs::find("haproxy") else {
        eprintln!("haproxy is not at hand: its example is not checked");
        return Ok(());
    };
    run(&mut command(&format!("{} -c -f deploy/haproxy/haproxy.cfg", haproxy.display())))
}

/// The example is a part of a configuration, for which this makes the rest.
fn nginx() -> Result<()> {
    let Some(nginx) = programs::find("nginx").map_or_else(unpacked_nginx, |found| Ok(Some(found)))? else {
        eprintln!("nginx is not at hand: its example is not checked");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let own = folder.path().display();
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = folders.map(|name| format!("{name}_temp_path {own}/{name};")).concat();
    let example = root().join("deploy/nginx/appmixer.conf");
    let whole = format!(
        "pid {own}/pid; events {{}} http {{ access_log off; {folders} include {}; }}",
        example.display()
    );
    fs::write(folder.path().join("nginx.conf"), whole)?;
    run(&mut command(&format!("{} -t -q -e stderr -c {own}/nginx.conf", nginx.display())))
}

/// Debian's, unpacked and not installed: an installation would start a server.
fn unpacked_nginx() -> Result<Option<PathBuf>> {
    let folder = root().join("target/tools/nginx");
    let nginx = folder.join("usr/sbin/nginx");
    if nginx.exists() {
        return Ok(Some(nginx));
    }
    if !is_there("apt-get") {
        return Ok(None);
    }
    fs::create_dir_all(&folder)?;
    if may_install() {
        run(&mut command("apt-get update -qq"))?;
    }
    run(command("apt-get download -qq nginx").current_dir(&folder))?;
    let mut files = fs::read_dir(&folder)?.flatten().map(|entry| entry.path());
    let package = files.find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let package = package.context("apt-get has brought no package")?;
    run(command(&format!("dpkg-deb -x {} .", package.display())).current_dir(&folder))?;
    Ok(Some(nginx))
}
