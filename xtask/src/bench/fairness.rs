//! The hash queue's fairness: what other clients notice of one address that signs in without end.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use super::client::Client;
use super::statistics::{median, millis, quantile};
use super::{Bench, Row, load};

/// Thirty more than the default queue has room for.
const CONNECTIONS: u64 = 230;
const FLOOD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// What `Retry-After` says with a 503.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long the flood takes to fill the queue.
const FILLING: Duration = Duration::from_secs(3);
/// Between two sign-ins of the other address.
const PAUSE: Duration = Duration::from_millis(100);

fn body(name: &str) -> String {
    format!(r#"{{"username":"{name}@acme","password":"abc321"}}"#)
}

/// What the flood and the other address share.
#[derive(Default)]
struct State {
    over: AtomicBool,
    is_measured: AtomicBool,
    signed_in: AtomicU64,
    refused: AtomicU64,
}

impl State {
    /// Signs in with the account's own right password, again and again.
    fn flood(&self, address: &str, name: &str) -> Result<()> {
        let (mut client, body) = (Client::connect_from(FLOOD, address)?, body(name));
        while !self.over.load(Ordering::Relaxed) {
            let answer = client.post("/user/auth", &body)?;
            let is_measured = u64::from(self.is_measured.load(Ordering::Relaxed));
            match answer.status() {
                "200" => drop(self.signed_in.fetch_add(is_measured, Ordering::Relaxed)),
                "503" => {
                    self.refused.fetch_add(is_measured, Ordering::Relaxed);
                    sleep(RETRY_AFTER);
                }
                status => return Err(anyhow!("a sign-in of the flood: {status}")),
            }
        }
        Ok(())
    }

    /// How long each sign-in of the other address takes, in milliseconds.
    fn other(&self, address: &str, duration: Duration) -> Result<Vec<f64>> {
        let (mut client, body) = (Client::connect_from(OTHER, address)?, body("other"));
        let (started, mut latencies) = (Instant::now(), Vec::new());
        while started.elapsed() < duration {
            let asked = Instant::now();
            let answer = client.post("/user/auth", &body)?;
            ensure!(answer.status() == "200", "a sign-in of the other address: {}", answer.status());
            latencies.push(millis(asked.elapsed()));
            self.signed_in.fetch_add(1, Ordering::Relaxed);
            sleep(PAUSE);
        }
        Ok(latencies)
    }
}

pub(super) fn one_address_without_end(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.serve("fairness")?;
    let mut client = Client::connect(&server.address)?;
    for number in 0..CONNECTIONS {
        client.post("/user", &body(&number.to_string()))?.token()?;
    }
    client.post("/user", &body("other"))?.token()?;

    let long = bench.duration * 2;
    let mut raw = vec![load::raw_hashes(long)?];
    let state = State::default();
    let (latencies, rate) = thread::scope(|scope| {
        let flood = |number: u64| {
            let (state, address) = (&state, &server.address);
            scope.spawn(move || state.flood(address, &number.to_string()))
        };
        let floods: Vec<_> = (0..CONNECTIONS).map(flood).collect();
        sleep(FILLING);
        state.is_measured.store(true, Ordering::Relaxed);
        let started = Instant::now();
        let latencies = state.other(&server.address, long);
        let rate = state.signed_in.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
        state.over.store(true, Ordering::Relaxed);
        for flood in floods {
            flood.join().map_err(|_| anyhow!("the flood panicked"))??;
        }
        anyhow::Ok((latencies?, rate))
    })?;
    raw.push(load::raw_hashes(long)?);
    let (p99, most) = (quantile(&latencies, 0.99), quantile(&latencies, 1.0));
    let (share, refused) = (rate / median(&raw), state.refused.load(Ordering::Relaxed));
    Ok(vec![
        Row {
            what: format!(
                "`POST /user/auth` from one address while another one signs in without end on {CONNECTIONS} \
                 connections: time, p99 and the longest"
            ),
            against: format!(
                "median of {}: {:.1} ms; {refused} sign-ins of the other address refused",
                latencies.len(),
                median(&latencies)
            ),
            measured: format!("**{p99:.1} ms**, {most:.1} ms"),
            goal: "≤ 1 s",
            met: most <= 1000.0,
        },
        Row {
            what: "… the sign-ins of both meanwhile, a second".to_owned(),
            against: format!("raw Argon2id on all cores, before and after: {:.1}", median(&raw)),
            measured: format!("{rate:.1}: **{share:.2}**"),
            goal: "≥ 0.95",
            met: share >= 0.95,
        },
    ])
}
