//! Hashing apart from the rest: what who only asks notices of a flood of sign-ins, and what the sign-ins lose by it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use super::client::{Answer, Client};
use super::rows::JOE;
use super::statistics::{median, millis, quantile};
use super::{Bench, Row, load};

/// Between two requests of those that are measured: 200 a second.
const EVERY: Duration = Duration::from_millis(5);
/// How long a flood takes to fill the queue.
const FILLING: Duration = Duration::from_secs(1);

/// One request after the other, each counted from the moment it was due: in milliseconds.
fn paced(duration: Duration, mut ask: impl FnMut() -> Result<Answer>, status: &str) -> Result<Vec<f64>> {
    let mut latencies = Vec::new();
    let started = Instant::now();
    let mut due = started;
    while due < started + duration {
        sleep(due.saturating_duration_since(Instant::now()));
        let answer = ask()?;
        ensure!(answer.status() == status, "{} where {status} was meant to come", answer.status());
        latencies.push(millis(due.elapsed()));
        due += EVERY;
    }
    Ok(latencies)
}

pub(super) fn reads_under_sign_ins(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.serve("both")?;
    let token = Client::connect(&server.address)?.post("/user", JOE)?.token()?;
    let reads = || {
        let mut client = Client::connect(&server.address)?;
        paced(bench.duration, || client.get("/user", &token), "200")
    };
    let long = bench.duration + 2 * FILLING;
    let mut raw = vec![load::raw_hashes(long)?];
    let idle = reads()?;
    let (signed_in, busy) = thread::scope(|scope| {
        let body = format!("'{JOE}'");
        let address = &server.address;
        let load = scope.spawn(move || load::post(bench.folder.path(), address, "/user/auth", &body, long));
        sleep(FILLING);
        let busy = reads();
        let load = load.join().map_err(|_| anyhow!("the load panicked"))?;
        anyhow::Ok((load?.per_second, busy?))
    })?;
    raw.push(load::raw_hashes(long)?);
    let (idle, busy) = (quantile(&idle, 0.99), quantile(&busy, 0.99));
    let share = signed_in / median(&raw);
    Ok(vec![
        Row {
            what: "`GET /user`, 200 a second, while 64 connections sign in: p99".to_owned(),
            against: format!("itself, idle: {idle:.2} ms"),
            measured: format!("**{busy:.2} ms**"),
            goal: "≤ 5 ms",
            met: busy <= 5.0,
        },
        Row {
            what: "… the sign-ins meanwhile, a second".to_owned(),
            against: format!("raw Argon2id on all cores, before and after: {:.1}", median(&raw)),
            measured: format!("{signed_in:.1}: **{share:.2}**"),
            goal: "≥ 0.95",
            met: share >= 0.95,
        },
    ])
}

/// A queue with room for one, and more who sign in than the threads and the queue can take.
pub(super) fn past_the_queue(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.serve_with("queue", &[("APPMIXER_PASSWORD__QUEUE", "1".as_ref())])?;
    Client::connect(&server.address)?.post("/user", JOE)?.token()?;
    let over = AtomicBool::new(false);
    let refused = thread::scope(|scope| {
        let flood = |_| {
            scope.spawn(|| -> Result<()> {
                let mut client = Client::connect(&server.address)?;
                while !over.load(Ordering::Relaxed) {
                    // Whoever was turned away comes back soon, and not in a loop that would take the cores.
                    if client.post("/user/auth", JOE)?.status() == "503" {
                        sleep(EVERY);
                    }
                }
                Ok(())
            })
        };
        let floods: Vec<_> = (0..16).map(flood).collect();
        sleep(FILLING);
        let mut client = Client::connect(&server.address)?;
        let (started, mut latencies) = (Instant::now(), Vec::new());
        let mut waited = 0_u32;
        while started.elapsed() < bench.duration {
            let asked = Instant::now();
            // Now and then a place is free, and one of ours gets it.
            match client.post("/user/auth", JOE)?.status() {
                "503" => latencies.push(millis(asked.elapsed())),
                _ => waited += 1,
            }
            sleep(EVERY);
        }
        over.store(true, Ordering::Relaxed);
        for flood in floods {
            flood.join().map_err(|_| anyhow!("the flood panicked"))??;
        }
        ensure!(latencies.len() > 100, "{} refused and {waited} not", latencies.len());
        anyhow::Ok(latencies)
    })?;
    let p99 = quantile(&refused, 0.99);
    Ok(vec![Row {
        what: "a sign-in past the queue: time until the 503, p99".to_owned(),
        against: format!("median of {}: {:.2} ms", refused.len(), median(&refused)),
        measured: format!("**{p99:.2} ms**"),
        goal: "≤ 5 ms",
        met: p99 <= 5.0,
    }])
}
