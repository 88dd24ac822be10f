//! An application in process: a store in memory, a clock that a test moves, and no socket.

use std::fmt::Write as _;
use std::sync::Arc;

use appmixer_core::Rules;
use appmixer_core::testing::TestContext;
use appmixer_http::{App, Epochs, HttpOptions, Peer, TokenOptions};
use appmixer_token::{Algorithm, Secret};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tokio::runtime::Runtime;

/// An application, and the parts of it that a test changes.
pub(crate) struct TestApp {
    app: App,
    runtime: Runtime,
    pub(crate) parts: TestContext,
}

impl TestApp {
    pub(crate) fn start() -> Self {
        Self::with(Rules::default(), HttpOptions::default())
    }

    /// The same with other rules and options.
    pub(crate) fn with(rules: Rules, options: HttpOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let epochs = Arc::new(Epochs::new());
        let parts = TestContext::with(rules, epochs.clone());
        let tokens = TokenOptions {
            current: Secret::new(b"the secret of the tests in process, which is long").unwrap(),
            previous: Vec::new(),
            allow_short_secret: false,
            algorithm: Algorithm::Hs256,
        };
        let app = App::new(parts.context(), epochs, tokens, options).unwrap();
        Self { app, runtime, parts }
    }

    /// The token of a new administrator.
    pub(crate) fn admin(&self) -> String {
        self.stored_user("root@acme", &["admin", "user"])
    }

    /// The token of a new user who has signed up.
    pub(crate) fn user(&self, name: &str) -> String {
        self.post("/user", &format!(r#"{{"username":"{name}","password":"abc321"}}"#))
            .expect(200)
            .text("token")
    }

    fn stored_user(&self, name: &str, scopes: &[&str]) -> String {
        self.runtime.block_on(self.parts.user(name, "abc321", scopes));
        self.sign_in(name, "abc321").expect(200).text("token")
    }

    pub(crate) fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.post("/user/auth", &format!(r#"{{"username":"{name}","password":"{password}"}}"#))
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Answer {
        self.request("GET", path, &[("Authorization", &format!("Bearer {token}"))], b"")
    }

    pub(crate) fn post(&self, path: &str, json: &str) -> Answer {
        self.request("POST", path, &[("Content-Type", "application/json")], json.as_bytes())
    }

    /// The same with a token.
    pub(crate) fn post_as(&self, token: &str, path: &str, json: &str) -> Answer {
        self.send_as(token, "POST", path, json)
    }

    pub(crate) fn put_as(&self, token: &str, path: &str, json: &str) -> Answer {
        self.send_as(token, "PUT", path, json)
    }

    fn send_as(&self, token: &str, method: &str, path: &str, json: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
        self.request(method, path, &headers, json.as_bytes())
    }

    pub(crate) fn delete_as(&self, token: &str, path: &str) -> Answer {
        self.request("DELETE", path, &[("Authorization", &format!("Bearer {token}"))], b"")
    }

    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("Host", "test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(bytes::Bytes::copy_from_slice(body))).unwrap();
        self.runtime.block_on(async {
            let response = self.app.handle_from(request, Peer::default()).await;
            let (parts, body) = response.into_parts();
            let mut head = format!("{}\n", parts.status);
            for (name, value) in &parts.headers {
                writeln!(head, "{name}: {}", String::from_utf8_lossy(value.as_bytes()).to_lowercase())
                    .unwrap();
            }
            let body = body.collect().await.unwrap().to_bytes();
            // What hyper does for an answer to HEAD.
            let body =
                if method == "HEAD" { String::new() } else { String::from_utf8(body.to_vec()).unwrap() };
            Answer { status: parts.status.as_u16(), head, body }
        })
    }
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        self
    }

    /// The error's message; its shape must be the contract's.
    #[track_caller]
    pub(crate) fn error(self, status: u16) -> String {
        let answer = self.expect(status);
        let json = answer.json();
        assert_eq!(json["statusCode"], status, "{}", answer.body);
        assert!(json["error"].is_string(), "{}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
        json["message"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("no {member} in {}", self.body)).to_owned()
    }
}
