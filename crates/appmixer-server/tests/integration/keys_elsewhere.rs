//! Tokens verified by somebody else's code, from the published keys alone.

use std::process::Command;

use crate::python::python;
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
