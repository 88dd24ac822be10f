//! Tokens verified by somebody else's code, from the published keys alone.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use appmixer_token::{FetchError, Guard, Refused, RemoteError, RemoteKeys, RemoteOptions, TokenError};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use tokio::runtime::Runtime;

use crate::python::python;
use crate::secure::{Authority, address_of};
use crate::support::{TestServer, eventually, run};

/// `PyJWT` fetches the set and verifies; anything that it does not accept is an exception.
const VERIFY: &str = r#"
import json, sys, jwt
url, algorithm, token = sys.argv[1], sys.argv[2], sys.stdin.readline().strip()
key = jwt.PyJWKClient(url).get_signing_key_from_jwt(token)
claims = jwt.decode(token, key.key, algorithms=[algorithm], options={"require": ["exp", "iat"]})
head, payload, signature = token.split(".")
for changed in (head + "." + payload + "." + signature[:-8] + "AAAAAAAA", head + "." + payload[:-4] + "AAAA." + signature):
    try:
        jwt.decode(changed, key.key, algorithms=[algorithm])
        sys.exit("accepted a changed token")
    except jwt.InvalidTokenError:
        pass
print(json.dumps(claims))
"#;

#[test]
fn another_implementation_verifies_by_the_published_keys() {
    let Some(python) = python() else { return };
    let server = TestServer::start();
    server.user("joe@acme");
    for (number, algorithm) in ["EdDSA", "ES256"].into_iter().enumerate() {
        server.done(&["key", "rotate", "--algorithm", algorithm, "--activate-in", "0"], "");
        let set = || server.request("GET", "/.well-known/jwks.json", &[], b"").expect(200).json();
        eventually(|| set()["keys"].as_array().unwrap().len() == number + 1);
        let session = server.sign_in("joe@acme", "abc321").expect(200);
        let url = format!("http://{}/.well-known/jwks.json", server.address);
        let mut command = Command::new(&python);
        command.args(["-c", VERIFY, &url, algorithm]);
        let output = run(command, &format!("{}\n", session.text("token")));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{algorithm}: {error}");
        let claims: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(claims["id"], session.json()["user"]["id"]);
        assert_eq!(claims["scope"], serde_json::json!(["user"]));
    }
}

/// A Rust service with `appmixer-token` and the URL alone, over TLS, while keys come and go.
#[test]
fn a_service_keeps_the_published_keys_fresh_through_rotations_and_failures() {
    let authority = Authority::new();
    let server = authority.serve(&[("APPMIXER_TOKEN__ALGORITHM", "EdDSA")]);
    let url = format!("https://{}/.well-known/jwks.json", address_of(&server, "https"));
    let tls = Some((*authority.client(&[])).clone());
    let pause = Duration::ZERO;
    let remote = RemoteKeys::new(&url, RemoteOptions { tls, pause, ..RemoteOptions::default() }).unwrap();
    let stranger = RemoteKeys::new(&url, RemoteOptions::default());
    let runtime = Runtime::new().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let verify = |token: &str| runtime.block_on(remote.verify(token, now));

    let first = server.user("joe@acme");
    verify(&first).unwrap();
    // The certificate is nobody's that the system knows.
    if let Ok(stranger) = stranger {
        let outcome = runtime.block_on(stranger.verify(&first, now));
        assert!(matches!(outcome, Err(RemoteError::NoKeys(FetchError::NoAnswer(_)))), "{outcome:?}");
    }
    server.done(&["key", "rotate", "--algorithm", "es256", "--activate-in", "0"], "");
    eventually(|| server.request("GET", "/.well-known/jwks.json", &[], b"").body.contains("ES256"));
    let second = server.sign_in("joe@acme", "abc321").text("token");
    verify(&second).unwrap();
    verify(&first).unwrap();
    let guard = Guard::new(remote.clone()).require("user");
    let check = |guard: &Guard<RemoteKeys>| {
        let bearer = HeaderValue::try_from(format!("Bearer {second}")).unwrap();
        runtime.block_on(guard.check(&HeaderMap::from_iter([(AUTHORIZATION, bearer)])))
    };
    assert_eq!(check(&guard).unwrap().scope, ["user"]);
    assert_eq!(check(&guard.clone().require("admin")), Err(Refused::Scope));
    // A server that is away takes nobody's keys along, and what it has signed is still told from what it has not.
    drop(server);
    verify(&second).unwrap();
    check(&guard).unwrap();
    // To whoever has no keys yet, no token is bad because of that.
    let tls = Some((*authority.client(&[])).clone());
    let late = RemoteKeys::new(&url, RemoteOptions { tls, ..RemoteOptions::default() }).unwrap();
    assert_eq!(check(&Guard::new(late)), Err(Refused::Unavailable));
    let changed = format!("{}AAAAAAAA", &second[..second.len() - 8]);
    assert_eq!(verify(&changed), Err(RemoteError::Token(TokenError::BadSignature)));
}
