//! How long it takes to issue and to verify a token, by algorithm.
//!
//! ```sh
//! cargo run --release -p appmixer-token --example measure
//! ```

#![allow(clippy::print_stdout, reason = "an example for a terminal")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use appmixer_token::{Algorithm, Claims, KeySet, SigningKey};

const ROUNDS: u32 = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    let claims = Claims {
        id: "5c88c7cc04a917256c726c3d".into(),
        scope: vec!["user".into()],
        iat: 1_552_492_609,
        exp: 1_555_084_609,
        generation: None,
    };
    for algorithm in Algorithm::ALL {
        let keys = KeySet::of([SigningKey::generate(algorithm)?], []);
        let token = keys.issue(&claims)?;
        let issue = timed(|| drop(black_box(keys.issue(&claims))));
        let verify = timed(|| drop(black_box(keys.verify(&token, claims.iat))));
        println!("{algorithm}: issue {issue:?}, verify {verify:?}, {} bytes", token.len());
    }
    Ok(())
}

/// The mean of many, after some to get warm.
fn timed(work: impl Fn()) -> Duration {
    (0..ROUNDS / 10).for_each(|_| work());
    let started = Instant::now();
    (0..ROUNDS).for_each(|_| work());
    started.elapsed() / ROUNDS
}
