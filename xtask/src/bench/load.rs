//! Load: `wrk`, and the raw rate of hashes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::process::{output, root};

/// What `wrk` saw.
pub(super) struct Load {
    pub(super) per_second: f64,
    pub(super) p99: Duration,
}

/// `GET` with a token over 64 connections.
pub(super) fn get(address: &str, path: &str, token: &str, duration: Duration) -> Result<Load> {
    let mut wrk = wrk(duration);
    wrk.arg("-H").arg(format!("Authorization: Bearer {token}")).arg(format!("http://{address}{path}"));
    read(&output(&mut wrk)?)
}

/// The same with pauses, in which nobody waits for anybody: what a request takes, and not how many there are.
pub(super) fn paced(
    folder: &Path,
    address: &str,
    path: &str,
    token: &str,
    duration: Duration,
) -> Result<Load> {
    let script = folder.join("paced.lua");
    // 30 ms at the middle, for each of 64.
    fs::write(&script, "function delay() return math.random(10, 50) end\n")?;
    let mut wrk = wrk(duration);
    wrk.arg("-s").arg(&script);
    wrk.arg("-H").arg(format!("Authorization: Bearer {token}")).arg(format!("http://{address}{path}"));
    read(&output(&mut wrk)?)
}

/// `POST` of JSON over 64 connections. `body` is a Lua expression, in which `unique` is new each time.
pub(super) fn post(folder: &Path, address: &str, path: &str, body: &str, duration: Duration) -> Result<Load> {
    let script = folder.join("post.lua");
    let run = fs::metadata(&script).and_then(|file| file.modified()).ok();
    let run = run.and_then(|time| time.elapsed().ok()).map_or(0, |age| age.as_nanos());
    fs::write(
        &script,
        format!(
            "local threads = 0\n\
             function setup(thread) threads = threads + 1 thread:set('thread', threads) end\n\
             local count = 0\n\
             function request()\n  count = count + 1\n  local unique = '{run}-' .. thread .. '-' .. count\n  \
             return wrk.format('POST', '{path}', {{['Content-Type'] = 'application/json'}}, {body})\nend\n"
        ),
    )?;
    let mut wrk = wrk(duration);
    wrk.arg("--timeout").arg("30s").arg("-s").arg(&script).arg(format!("http://{address}"));
    read(&output(&mut wrk)?)
}

fn wrk(duration: Duration) -> Command {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t2", "-c64", "--latency", &format!("-d{}s", duration.as_secs())]);
    wrk
}

fn read(report: &str) -> Result<Load> {
    ensure!(!report.contains("Non-2xx"), "wrk got errors:\n{report}");
    let after = |label: &str| {
        let line = report.lines().find_map(|line| line.trim().strip_prefix(label));
        line.map(str::trim).with_context(|| format!("no {label} in\n{report}"))
    };
    Ok(Load { per_second: after("Requests/sec:")?.parse()?, p99: time(after("99%")?)? })
}

/// As in `1.23ms`.
fn time(text: &str) -> Result<Duration> {
    let unit = text.find(|c: char| c.is_alphabetic()).context("no unit")?;
    let number: f64 = text[..unit].parse()?;
    let seconds = match &text[unit..] {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "m" => number * 60.0,
        _ => number,
    };
    Ok(Duration::from_secs_f64(seconds))
}

/// Argon2id hashes a second on all cores, and nothing else.
pub(super) fn raw_hashes(duration: Duration) -> Result<f64> {
    let mut rate = Command::new(root().join("target/release/examples/rate"));
    let line = output(rate.arg(duration.as_secs().to_string()))?;
    Ok(line.split(' ').next().unwrap_or_default().parse()?)
}
