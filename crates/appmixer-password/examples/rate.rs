//! How many hashes a second this machine makes at most: the measure of every sign-in.
//!
//! ```sh
//! cargo run --release -p appmixer-password --example rate -- 5
//! ```
//!
//! Hashes on every core with memory that is used again and nothing else, for as many seconds as asked.

#![allow(clippy::print_stdout, reason = "an example for a terminal")]

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

fn main() -> Result<(), Box<dyn Error>> {
    let seconds: f64 = std::env::args().nth(1).map_or(Ok(5.0), |text| text.parse())?;
    let duration = Duration::from_secs_f64(seconds);
    let threads = thread::available_parallelism()?.get();

    let started = Instant::now();
    let workers: Vec<_> = (0..threads).map(|_| thread::spawn(move || hash_for(duration))).collect();
    let mut hashes = 0;
    for worker in workers {
        hashes += worker.join().map_err(|_| "a thread panicked")??;
    }
    println!(
        "{:.1} hashes per second on {threads} threads",
        f64::from(hashes) / started.elapsed().as_secs_f64()
    );
    Ok(())
}

fn hash_for(duration: Duration) -> Result<u32, argon2::Error> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
    let mut blocks = vec![Block::new(); Params::DEFAULT.block_count()];
    let mut output = [0; 32];
    let started = Instant::now();
    let mut hashes = 0;
    while started.elapsed() < duration {
        argon2.hash_password_into_with_memory(
            b"correct horse",
            b"a salt of 16 b..",
            &mut output,
            &mut blocks,
        )?;
        hashes += 1;
    }
    Ok(hashes)
}
