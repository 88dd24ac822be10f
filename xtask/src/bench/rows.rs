//! The rows of the table, each with its measurement.

use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::client::Client;
use super::statistics::{difference_of_medians, median, millis};
use super::{Bench, Row, apart, apps, decisions, fairness, load, proxied};
use crate::process::run;

type Measure = fn(&Bench) -> Result<Vec<Row>>;

pub(super) const ALL: &[(&str, Measure)] = &[
    ("GET /user", get_user),
    ("POST /user/auth and POST /user", hashing),
    ("GET /user under sign-ins", apart::reads_under_sign_ins),
    ("past the queue", apart::past_the_queue),
    ("one address signs in without end", fairness::one_address_without_end),
    ("GET /apps/components", apps::components),
    ("GET through the gateway", proxied::get),
    ("access rules", decisions::measure),
    ("who exists", timing),
    ("start", start),
    ("memory", memory),
    ("10,000 and 1,000,000 users", super::scale::measure),
    ("binary", binary),
];

pub(super) const ROUNDS: usize = 3;
pub(super) const JOE: &str = r#"{"username":"joe@acme","password":"abc321"}"#;

pub(super) fn ratio(one: &[f64], other: &[f64]) -> f64 {
    median(one) / median(other)
}

fn get_user(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.serve("get")?;
    let mut client = Client::connect(&server.address)?;
    let token = client.post("/user", JOE)?.token()?;
    let answer = client.get("/user", &token)?;
    ensure!(answer.status() == "200", "GET /user: {}", answer.status());
    let bare = bench.bare(answer.bytes())?;
    let (mut ours, mut theirs, mut our_p99, mut their_p99) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let load = load::get(&server.address, "/user", &token, bench.duration)?;
        ours.push(load.per_second);
        our_p99.push(millis(load.p99));
        let load = load::get(&bare.address, "/user", &token, bench.duration)?;
        theirs.push(load.per_second);
        their_p99.push(millis(load.p99));
    }
    let (rate, p99) = (ratio(&ours, &theirs), ratio(&our_p99, &their_p99));
    Ok(vec![
        Row {
            what: "`GET /user`, 64 connections: requests per second".to_owned(),
            against: format!("a bare hyper server with the same answer: {:.0}", median(&theirs)),
            measured: format!("{:.0}: **{rate:.2}**", median(&ours)),
            goal: "≥ 0.85",
            met: rate >= 0.85,
        },
        Row {
            what: "the same: p99".to_owned(),
            against: format!("the same: {:.2} ms", median(&their_p99)),
            measured: format!("{:.2} ms: **{p99:.2}**", median(&our_p99)),
            goal: "≤ 1.5",
            met: p99 <= 1.5,
        },
    ])
}

fn hashing(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.serve("hashing")?;
    Client::connect(&server.address)?.post("/user", JOE)?.token()?;
    let long = bench.duration * 2;
    let (mut raw, mut sign_in, mut sign_up) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        raw.push(load::raw_hashes(long)?);
        let auth = load::post(bench.folder.path(), &server.address, "/user/auth", &format!("'{JOE}'"), long)?;
        sign_in.push(auth.per_second);
        let body = r#"'{"username":"' .. unique .. '@acme","password":"abc321"}'"#;
        sign_up.push(load::post(bench.folder.path(), &server.address, "/user", body, long)?.per_second);
    }
    let against = format!("raw Argon2id on all cores: {:.1} a second", median(&raw));
    let row = |what: &str, values: &[f64], goal, needed| {
        let ratio = ratio(values, &raw);
        let measured = format!("{:.1}: **{ratio:.2}**", median(values));
        Row { what: what.to_owned(), against: against.clone(), measured, goal, met: ratio >= needed }
    };
    Ok(vec![
        row("`POST /user/auth` a second, 64 connections", &sign_in, "≥ 0.95", 0.95),
        row("`POST /user` a second, 64 connections, every 200 on disk", &sign_up, "≥ 0.90", 0.90),
    ])
}

fn timing(bench: &Bench) -> Result<Vec<Row>> {
    // A door for forgotten passwords, behind which is nobody: without one, nothing is written for anybody.
    for arguments in
        [&["store", "migrate"][..], &["config", "set", "WEBHOOK_USER_FORGOT_PASSWORD", "http://127.0.0.1:9/"]]
    {
        let mut command = Command::new(&bench.server);
        command.args(arguments).arg("--data").arg(bench.folder.path().join("timing"));
        run(command.current_dir(bench.folder.path()))?;
    }
    let server = bench.serve("timing")?;
    let mut client = Client::connect(&server.address)?;
    client.post("/user", JOE)?.token()?;
    let mut post = |path: &str, body: &str, status: &str| -> Result<f64> {
        let started = Instant::now();
        let answer = client.post(path, body)?;
        ensure!(answer.status() == status, "POST {path}: {}", answer.status());
        Ok(millis(started.elapsed()))
    };
    Ok(vec![
        no_difference("sign-in of an unknown user: time", "a wrong password", |name| {
            let body = format!(r#"{{"username":"{name}@acme","password":"wrong1"}}"#);
            post("/user/auth", &body, "403")
        })?,
        no_difference("forgotten password of an unknown user: time", "of a known one", |name| {
            post("/user/forgot-password", &format!(r#"{{"email":"{name}@acme"}}"#), "200")
        })?,
    ])
}

/// Asks about somebody, `joe`, and about nobody, `eoj`.
fn no_difference(what: &'static str, against: &str, mut ask: impl FnMut(&str) -> Result<f64>) -> Result<Row> {
    const PAIRS: usize = 300;
    let (mut known, mut unknown) = (vec![], vec![]);
    for pair in 0..PAIRS {
        // In turns, and each kind first in half of the pairs.
        if pair % 2 == 0 {
            known.push(ask("joe")?);
            unknown.push(ask("eoj")?);
        } else {
            unknown.push(ask("eoj")?);
            known.push(ask("joe")?);
        }
    }
    let (low, high) = difference_of_medians(&unknown, &known);
    Ok(Row {
        what: what.to_owned(),
        against: format!("{against}: {:.3} ms, median of {PAIRS}", median(&known)),
        measured: format!(
            "{:.3} ms; the difference is within {low:+.3} and {high:+.3} ms with 95 % confidence",
            median(&unknown)
        ),
        goal: "no difference beyond the noise",
        met: low <= 0.0 && high >= 0.0 || (median(&unknown) - median(&known)).abs() < 0.05,
    })
}

fn start(bench: &Bench) -> Result<Vec<Row>> {
    let measure = |data: &dyn Fn(usize) -> String| -> Result<f64> {
        let times: Result<Vec<f64>> = (0..20)
            .map(|number| {
                let started = Instant::now();
                let server = bench.serve(&data(number))?;
                let time = millis(started.elapsed());
                drop(server);
                Ok(time)
            })
            .collect();
        Ok(median(&times?))
    };
    let new = measure(&|number| format!("start-{number}"))?;
    let old = measure(&|_| "start-0".to_owned())?;
    Ok(vec![Row {
        what: "start until the first 200, median of 20".to_owned(),
        against: "–".to_owned(),
        measured: format!("**{new:.1} ms** with a new data folder, **{old:.1} ms** with an old one"),
        goal: "≤ 50 ms",
        met: new <= 50.0 && old <= 50.0,
    }])
}

fn memory(bench: &Bench) -> Result<Vec<Row>> {
    let mebibytes = |kib: u64| format!("**{:.1} MiB**", kib as f64 / 1024.0);
    let server = bench.serve("memory")?;
    sleep(Duration::from_secs(1));
    let idle = server.resident_kib()?;
    let mut client = Client::connect(&server.address)?;
    let token = client.post("/user", JOE)?.token()?;
    let mut connections = Vec::new();
    for _ in 0..1000 {
        let mut client = Client::connect(&server.address)?;
        client.get("/user", &token)?;
        connections.push(client);
    }
    let hashing = server.resident_kib()?;
    // Longer than a hashing thread keeps its memory.
    sleep(Duration::from_secs(12));
    let connected = server.resident_kib()?;
    drop(connections);
    ensure!(TcpStream::connect(&server.address).is_ok(), "the server has gone");
    Ok(vec![
        Row {
            what: "resident memory, idle".to_owned(),
            against: "–".to_owned(),
            measured: mebibytes(idle),
            goal: "≤ 15 MiB",
            met: idle <= 15 * 1024,
        },
        Row {
            what: "resident memory, 1,000 connections that have been used".to_owned(),
            against: format!("with one hash's memory still held: {}", mebibytes(hashing)),
            measured: mebibytes(connected),
            goal: "≤ 60 MiB plus Argon2's own",
            met: connected <= 60 * 1024,
        },
    ])
}

fn binary(bench: &Bench) -> Result<Vec<Row>> {
    let size = fs::metadata(&bench.server)?.len();
    Ok(vec![Row {
        what: "release binary, stripped".to_owned(),
        against: "–".to_owned(),
        measured: format!("**{:.1} MiB**", size as f64 / 1_048_576.0),
        goal: "≤ 15 MiB",
        met: size <= 15 * 1_048_576,
    }])
}
