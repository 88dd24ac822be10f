//! What is forwarded: through the server's own gateway, and through nginx that asks the server about each request.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::client::Client;
use super::rows::{JOE, ROUNDS, ratio};
use super::statistics::{median, millis};
use super::{Bench, Row, Running, free_address, load};
use crate::process::root;
use crate::programs;

const PATH: &str = "/flows/1";

/// What the upstream says: about as much as `GET /user`.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\
    {\"id\":\"6b0b6aae1368ce0beb186424\",\"name\":\"a flow of the usual size\",\"stage\":\"running\",\"components\":\
    [\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"],\"created\":\"2026-01-31T08:15:30.123Z\",\"x\":1}";

pub(super) fn get(bench: &Bench) -> Result<Vec<Row>> {
    let upstream = bench.bare(ANSWER)?;
    let routes = json!({"/flows": {"to": [format!("http://{}", upstream.address)]}}).to_string();
    let server = bench.serve_with("proxied", &[("APPMIXER_GATEWAY__ROUTES", Path::new(&routes))])?;
    let token = Client::connect(&server.address)?.post("/user", JOE)?.token()?;
    let nginx = nginx(bench, &server.address, &upstream.address)?;
    for address in [&server.address, &nginx.address] {
        let status = Client::connect(address)?.get(PATH, &token)?.status().to_owned();
        ensure!(status == "200", "GET {PATH} at {address}: {status}");
        let status = Client::connect(address)?.get(PATH, "nonsense")?.status().to_owned();
        ensure!(status == "401", "GET {PATH} at {address} with a bad token: {status}");
    }
    let (mut ours, mut theirs, mut bare) = (vec![], vec![], vec![]);
    let (mut our_p99, mut their_p99, mut bare_p99) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        for (address, rates, p99) in [
            (&server.address, &mut ours, &mut our_p99),
            (&nginx.address, &mut theirs, &mut their_p99),
            (&upstream.address, &mut bare, &mut bare_p99),
        ] {
            rates.push(load::get(address, PATH, &token, bench.duration)?.per_second);
            p99.push(millis(load::paced(bench.folder.path(), address, PATH, &token, bench.duration)?.p99));
        }
    }
    let rate = ratio(&ours, &theirs);
    let added = median(&our_p99) - median(&bare_p99);
    Ok(vec![
        Row {
            what: "`GET` through the gateway, 64 connections: requests per second".to_owned(),
            against: format!(
                "nginx with `auth_request` to the same server, and the same upstream: {:.0}; the upstream alone: {:.0}",
                median(&theirs),
                median(&bare)
            ),
            measured: format!("{:.0}: **{rate:.2}**", median(&ours)),
            goal: "≥ 0.8",
            met: rate >= 0.8,
        },
        Row {
            what: "the same at some 2,000 requests a second: p99".to_owned(),
            against: format!(
                "the upstream alone: {:.2} ms; nginx: {:.2} ms",
                median(&bare_p99),
                median(&their_p99)
            ),
            measured: format!("{:.2} ms: **{added:.2} ms** more", median(&our_p99)),
            goal: "≤ 1 ms",
            met: added <= 1.0,
        },
    ])
}

/// nginx as the example sets it up, with a worker for each core, and without a log.
fn nginx(bench: &Bench, server: &str, upstream: &str) -> Result<Nginx> {
    programs::install()?;
    let program = programs::find("nginx").context("there is no nginx")?;
    let folder = bench.folder.path().join("nginx");
    fs::create_dir_all(&folder)?;
    let address = free_address()?;
    let example = fs::read_to_string(root().join("deploy/nginx/forward-auth.conf"))?;
    let changed = example
        .replace("listen 8081;", &format!("listen {address} backlog=1024;"))
        .replace("127.0.0.1:2200", server)
        .replace("127.0.0.1:3000", upstream)
        // As many as there are clients, for as long as they like.
        .replace("keepalive 64;", "keepalive 128; keepalive_requests 100000000;");
    ensure!(
        changed.contains(server) && changed.contains(upstream) && changed.contains(&address),
        "the example has changed"
    );
    fs::write(folder.join("example.conf"), changed)?;
    let own = folder.display();
    let scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {own}/{name};"));
    let whole = format!(
        "daemon off; worker_processes auto; pid {own}/pid; error_log stderr error; events {{ worker_connections 4096; }}\n\
         http {{ access_log off; keepalive_requests 100000000; {} include {own}/example.conf; }}",
        scratch.concat(),
    );
    fs::write(folder.join("nginx.conf"), whole)?;
    let mut run = Command::new(program);
    run.args(["-e", "stderr", "-c"]).arg(folder.join("nginx.conf"));
    let running = Running::start(run, address.clone())?;
    Ok(Nginx { address, pid: folder.join("pid"), _running: running })
}

/// Its master ends its workers, if it is told to end.
struct Nginx {
    address: String,
    pid: PathBuf,
    _running: Running,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = fs::read_to_string(&self.pid).unwrap_or_default();
        let _ = Command::new("kill").arg(pid.trim()).status();
        // Until it has removed its file it still has workers.
        for _ in 0..100 {
            if !self.pid.exists() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
