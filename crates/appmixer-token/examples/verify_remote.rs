//! Verifies Appmixer tokens by the keys that the server publishes: no secret is needed.
//!
//! ```sh
//! cargo run -p appmixer-token --features fetch --example verify_remote -- https://auth.example.com TOKEN
//! ```

#![allow(clippy::print_stdout, reason = "an example for a terminal")]

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use appmixer_token::{RemoteKeys, RemoteOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(server), Some(token)) = (arguments.next(), arguments.next()) else {
        return Err("usage: verify_remote URL TOKEN".into());
    };
    // Once for the whole service: it keeps the keys, and fetches them again when there is reason to.
    let options =
        RemoteOptions { allow_http: server.starts_with("http://127.0.0.1:"), ..RemoteOptions::default() };
    let keys = RemoteKeys::new(&format!("{server}/.well-known/jwks.json"), options)?;

    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = keys.verify(&token, now).await?;
    println!("user {} may {} for {} more seconds", claims.id, claims.scope.join(", "), claims.exp - now);
    Ok(())
}
