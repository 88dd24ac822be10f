//! What metadata cost in memory: by their length, whatever their shape.

use crate::support::TestServer;

/// 16 KiB of text, and a hundred times that as a tree.
fn dear() -> String {
    format!(
        r#"{{"username":"USER","password":"abc321","metadata":{{"a":[{}]}}}}"#,
        vec!["[0]"; 4000].join(",")
    )
}

#[test]
fn users_with_metadata_of_many_parts_take_no_more_memory_than_their_text() {
    let server = TestServer::start();
    let dear = dear();
    let tokens: Vec<_> = (0..100)
        .map(|at| {
            let body = dear.replace("USER", &format!("u{at}@acme"));
            server.post("/user", &body).expect(200).json()["token"].as_str().unwrap().to_owned()
        })
        .collect();
    let before = server.resident_kib();
    // Each is remembered from now on, within `http.session_cache_bytes` (16 MiB). As trees they took 145 MiB.
    for token in &tokens {
        let answer = server.get("/user", token).expect(200);
        assert_eq!(answer.json()["metadata"]["a"].as_array().unwrap().len(), 4000);
    }
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 40 * 1024, "{grown} KiB");
    server.assert_well();
}
