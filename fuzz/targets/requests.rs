//! Whole requests, through the application with a real database: whatever comes in, the answer is well formed and
//! never the server's own failure.
//!
//! An input is `METHOD PATH`, headers a line each, an empty line and the body. `Authorization: admin` and `user` stand
//! for real tokens.

#![no_main]

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::Arc;

use appmixer_core::{
    Beside, Context, IdGenerator, LoginName, Rules, Scopes, SystemClock, UserChange, Users as _,
};
use appmixer_http::{App, ConsoleOptions, Epochs, HttpOptions, TokenOptions};
use appmixer_password::{Argon2Pool, Params, PoolOptions, RandomCodes};
use appmixer_store::{Role, SqliteStore};
use appmixer_token::{Algorithm, Secret};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// What was done to it before must not pile up.
const REQUESTS_A_WORLD: u32 = 5000;

struct World {
    app: App,
    runtime: Runtime,
    admin: String,
    user: String,
    requests: u32,
    _folder: TempDir,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

fuzz_target!(|input: &[u8]| {
    WORLD.with_borrow_mut(|place| {
        let world = place.get_or_insert_with(World::new);
        if !world.asked(input) || world.requests > REQUESTS_A_WORLD {
            *place = None;
        }
    });
});

impl World {
    fn new() -> Self {
        // Writes need no disk here, if there is a file system in memory.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a folder");
        let epochs = Arc::new(Epochs::new());
        let store = SqliteStore::open(&folder.path().join("users.sqlite"), Role::Server, epochs.clone());
        let store = Arc::new(store.expect("a new database"));
        let params = Params::new(8, 1, 1).expect("the least there is");
        let pool = PoolOptions { params, threads: NonZeroUsize::MIN, ..PoolOptions::default() };
        let ctx = Context {
            store: store.clone(),
            hasher: Arc::new(Argon2Pool::new(pool).expect("a pool")),
            codes: Arc::new(RandomCodes),
            clock: Arc::new(SystemClock),
            ids: IdGenerator::new(*b"8 random"),
            rules: Rules::default(),
        };
        let current = Secret::new(b"the secret of the fuzzer, which is long").expect("it is long enough");
        let tokens = TokenOptions {
            current,
            previous: Vec::new(),
            allow_short_secret: false,
            algorithm: Algorithm::Hs256,
        };
        let options = HttpOptions { console: Some(ConsoleOptions::default()), ..HttpOptions::default() };
        let app = App::new(ctx, epochs, tokens, options).expect("the routes are consistent");
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let sign_up = |name: &str| {
            let body = format!(r#"{{"username":"{name}","password":"abc321"}}"#);
            let request =
                Request::post("/user").header("host", "x").header("content-type", "application/json");
            let answer = runtime.block_on(app.handle(request.body(body).expect("a request")));
            body_of(&runtime, answer)["token"].as_str().expect("a token").to_owned()
        };
        let user = sign_up("joe@acme");
        sign_up("root@acme");
        runtime.block_on(async {
            let name = LoginName::parse("root@acme").expect("a name");
            let root = store.find_by_login(&name).await.ok().flatten().expect("it has just been made");
            let scopes = Scopes::parse_comma_separated("user,admin").ok();
            let change = UserChange { scopes, ..UserChange::default() };
            store.update(root.id, change, root.created, Beside::nothing()).await.expect("it can be changed");
        });
        let sign_in =
            Request::post("/user/auth").header("host", "x").header("content-type", "application/json");
        let sign_in =
            sign_in.body(r#"{"username":"root@acme","password":"abc321"}"#.to_owned()).expect("a request");
        let answer = runtime.block_on(app.handle(sign_in));
        let admin = body_of(&runtime, answer)["token"].as_str().expect("a token").to_owned();
        Self { app, runtime, admin, user, requests: 0, _folder: folder }
    }

    /// Asks, and looks at the answer. False when a token that was good is so no more.
    fn asked(&mut self, input: &[u8]) -> bool {
        let Some((request, with_token)) = self.request(input) else { return true };
        self.requests += 1;
        let answer = self.runtime.block_on(self.app.handle(request));
        let status = answer.status();
        assert!(!status.is_server_error(), "{status}: {}", body_of(&self.runtime, answer));
        assert!(answer.headers().contains_key("x-request-id"));
        let is_json = answer
            .headers()
            .get("content-type")
            .is_some_and(|t| t.as_bytes().starts_with(b"application/json"));
        assert!(is_json || status.is_success() || status.is_redirection(), "{status} is no JSON");
        if is_json {
            let body = body_of(&self.runtime, answer);
            if !status.is_success() {
                assert_eq!(body["statusCode"], status.as_u16());
                assert!(body["message"].is_string());
            }
        }
        !(with_token && status == 401)
    }

    fn request(&self, input: &[u8]) -> Option<(Request<Full<std::io::Cursor<Vec<u8>>>>, bool)> {
        let end = input.windows(2).position(|pair| pair == b"\n\n").unwrap_or(input.len());
        let body = input.get(end + 2..).unwrap_or_default();
        let mut lines = input[..end].split(|byte| *byte == b'\n');
        let mut first = lines.next()?.splitn(2, |byte| *byte == b' ');
        let mut request = Request::builder().method(first.next()?).uri(first.next()?).header("host", "x");
        let mut with_token = false;
        for line in lines.take(32) {
            let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
            let value = value[1..].trim_ascii();
            let is_authorization = name.eq_ignore_ascii_case(b"authorization");
            let token = match value {
                b"admin" if is_authorization => Some(&self.admin),
                b"user" if is_authorization => Some(&self.user),
                _ => None,
            };
            request = match token {
                Some(token) => {
                    with_token = true;
                    request.header(name, format!("Bearer {token}"))
                }
                None => request.header(name, value),
            };
        }
        Some((request.body(Full::new(std::io::Cursor::new(body.to_vec()))).ok()?, with_token))
    }
}

fn body_of(
    runtime: &Runtime,
    answer: Response<impl BodyExt<Data: AsRef<[u8]>, Error: std::fmt::Debug>>,
) -> Value {
    let bytes = runtime.block_on(answer.into_body().collect()).expect("it is in memory").to_bytes();
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"))
}
