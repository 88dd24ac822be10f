//! A hyper program of one's own with the user API in it: `/hello` is its own, everything else is the API's.
//!
//! ```sh
//! cargo run -p appmixer-http --example embed -- 127.0.0.1:8090 /tmp/embed/users.sqlite
//! ```
//!
//! Both arguments may be left out. Then, from another terminal:
//!
//! ```sh
//! curl http://127.0.0.1:8090/hello
//! curl http://127.0.0.1:8090/user -H 'Content-Type: application/json' \
//!     -d '{"username":"joe@acme","password":"abc321"}'
//! ```

#![allow(clippy::print_stdout, reason = "an example for a terminal")]

use std::convert::Infallible;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{Context, IdGenerator, Rules, SystemClock};
use appmixer_http::{AnswerBody, App, Epochs, HttpOptions, TokenOptions};
use appmixer_password::{Argon2Pool, PoolOptions, RandomCodes};
use appmixer_store::{Role, SqliteStore};
use appmixer_token::{Algorithm, Secret};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    let database = arguments.next().map_or_else(default_database, PathBuf::from);

    let app = Arc::new(user_api(&database)?);
    let listener = TcpListener::bind(&address).await?;
    println!("listening at http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let app = Arc::clone(&app);
        let service = service_fn(move |request| {
            let app = Arc::clone(&app);
            async move { Ok::<_, Infallible>(answer(&app, request).await) }
        });
        // The application bounds bodies; heads are this program's to bound.
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30)).max_buf_size(16 * 1024);
        tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(app: &App, request: Request<Incoming>) -> Response<AnswerBody> {
    match request.uri().path() {
        "/hello" => Response::new("Hello from the program around it.\n".into()),
        _ => app.handle(request).await,
    }
}

fn user_api(database: &Path) -> Result<App, Box<dyn Error>> {
    let epochs = Arc::new(Epochs::new());
    let ctx = Context {
        // The store reports changes to the very `epochs` that the application asks.
        store: Arc::new(SqliteStore::open(database, Role::Server, epochs.clone())?),
        hasher: Arc::new(Argon2Pool::new(PoolOptions::default())?),
        codes: Arc::new(RandomCodes),
        clock: Arc::new(SystemClock),
        ids: IdGenerator::new(random()?),
        rules: Rules::default(),
    };
    let tokens = TokenOptions {
        // A real program keeps its secret: with a new one at each start, everybody is signed out.
        current: Secret::new(&random::<32>()?)?,
        previous: Vec::new(),
        allow_short_secret: false,
        algorithm: Algorithm::Hs256,
    };
    Ok(App::new(ctx, epochs, tokens, HttpOptions::default())?)
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn default_database() -> PathBuf {
    std::env::temp_dir().join("appmixer-embed").join("users.sqlite")
}
