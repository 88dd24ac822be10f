//! Verifies an Appmixer token in another service.
//!
//! ```sh
//! APPMIXER_TOKEN__SECRET=… cargo run -p appmixer-token --example verify -- eyJhbGciOiJIUzI1NiIs…
//! ```

#![allow(clippy::print_stdout, reason = "an example for a terminal")]

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use appmixer_token::{KeySet, Secret};

fn main() -> Result<(), Box<dyn Error>> {
    let secret = std::env::var("APPMIXER_TOKEN__SECRET").map_err(|_| "set APPMIXER_TOKEN__SECRET")?;
    let token = std::env::args().nth(1).ok_or("usage: verify TOKEN")?;

    let keys = KeySet::new(Secret::new(secret.as_bytes())?, []);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = keys.verify(&token, now)?;

    println!("user {} may {} for {} more seconds", claims.id, claims.scope.join(", "), claims.exp - now);
    Ok(())
}
