//! A service made with axum, behind the tokens of an Appmixer server that publishes its keys.
//!
//! ```sh
//! cargo run -p appmixer-token --features fetch,tower --example axum -- https://auth.example.com 127.0.0.1:3000
//! ```

#![allow(clippy::print_stdout, reason = "an example for a terminal")]

use std::error::Error;

use appmixer_token::{Claims, Guard, RemoteKeys, RemoteOptions};
use axum::routing::get;
use axum::{Extension, Router};
use tokio::net::TcpListener;

async fn hello(Extension(claims): Extension<Claims>) -> String {
    format!("Hello, {}!\n", claims.id)
}

async fn status() -> &'static str {
    "ok\n"
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(server), Some(address)) = (arguments.next(), arguments.next()) else {
        return Err("usage: axum URL ADDRESS".into());
    };
    let options =
        RemoteOptions { allow_http: server.starts_with("http://127.0.0.1:"), ..RemoteOptions::default() };

    // The three lines. Routes that are added behind the layer are open.
    let keys = RemoteKeys::new(&format!("{server}/.well-known/jwks.json"), options)?;
    let guard = Guard::new(keys).require("user");
    let service = Router::new().route("/hello", get(hello)).layer(guard).route("/status", get(status));

    let listener = TcpListener::bind(address).await?;
    println!("listening at {}", listener.local_addr()?);
    axum::serve(listener, service).await?;
    Ok(())
}
