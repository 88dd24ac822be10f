//! Limits on guessing, really enforced: by network, by account, and for nobody who is exempt.

use serde_json::json;

use crate::audit::entries;
use crate::receivers::{Manner, Receiver, configure};
use crate::support::{Answer, TestServer, eventually};

const AUTH: &str = "/user/auth";
const TRUSTED: (&str, &str) = ("APPMIXER_HTTP__TRUSTED_PROXIES", "127.0.0.1");

/// A request as a proxy passes it on from this address.
fn post_from(server: &TestServer, address: &str, path: &str, body: &str) -> Answer {
    let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", address)];
    server.request("POST", path, &headers, body.as_bytes())
}

fn sign_in_from(server: &TestServer, address: &str, name: &str, password: &str) -> Answer {
    let body = json!({ "username": name, "password": password }).to_string();
    post_from(server, address, AUTH, &body)
}

/// A limited answer, in the contract's shape and with all of its headers.
#[track_caller]
fn assert_limited(answer: &Answer, policy: &str) {
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(wait >= 1);
    assert_eq!(answer.header("ratelimit"), Some(format!("\"{policy}\";r=0;t={wait}").as_str()));
    let quota = answer.header("ratelimit-policy").unwrap();
    assert!(quota.starts_with(&format!("\"{policy}\";q=")) && quota.ends_with(";w=3600"), "{quota}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("ratelimit, ratelimit-policy") && exposed.contains("retry-after"), "{exposed}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        answer.body,
        r#"{"statusCode":429,"error":"Too Many Requests","message":"Too many attempts, try again later"}"#
    );
}

#[test]
fn every_limit_by_network_is_enforced_and_tells_what_is_left() {
    let code = json!({ "code": "x".repeat(43), "password": "abc321" }).to_string();
    for (key, policy, path, body, status) in [
        ("SIGN_IN", "sign-in", AUTH, r#"{"username":"NUMBER@x","password":"wrong1"}"#, 403),
        ("SIGN_UP", "sign-up", "/user", r#"{"username":"NUMBER@x","password":"abc321"}"#, 200),
        ("FORGOT_PASSWORD", "forgot-password", "/user/forgot-password", r#"{"email":"NUMBER@x"}"#, 200),
        ("REDEEM_CODE", "redeem-code", "/user/forgot-password/reset", &code, 400),
    ] {
        let body = |number: u32| body.replace("NUMBER", &number.to_string());
        let variable = format!("APPMIXER_LIMITS__{key}");
        let server = TestServer::with(&[(&variable, "3/1h")]);
        for number in 0..3 {
            let answer = server.post(path, &body(number)).expect(status);
            let left = format!("\"{policy}\";r={};t=", 2 - number);
            assert!(answer.header("ratelimit").unwrap().starts_with(&left), "{}", answer.head);
            assert_eq!(answer.header("ratelimit-policy"), Some(format!("\"{policy}\";q=3;w=3600").as_str()));
        }
        for number in 3..6 {
            assert_limited(&server.post(path, &body(number)), policy);
        }
        server.assert_well();
    }
}

#[test]
fn old_passwords_are_guessed_no_faster_than_passwords() {
    let server = TestServer::with(&[("APPMIXER_LIMITS__CHANGE_PASSWORD", "3/1h"), TRUSTED]);
    let token = server.user("joe@acme");
    let change = |address: &str, old: &str| {
        let (bearer, body) =
            (format!("Bearer {token}"), json!({"oldPassword": old, "newPassword": "xyz987"}));
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", bearer.as_str()),
            ("X-Forwarded-For", address),
        ];
        server.request("POST", "/user/change-password", &headers, body.to_string().as_bytes())
    };
    // Whoever has stolen the token, from a network that nobody knows.
    for _ in 0..3 {
        assert_eq!(change("203.0.113.1", "wrong1").error(403), "Invalid old password");
    }
    assert_limited(&change("203.0.113.1", "abc321"), "change-password");
    // And from others: at sign-in it is the same account.
    for number in 2..19 {
        change(&format!("203.0.113.{number}"), "wrong1").error(403);
    }
    assert_limited(&sign_in_from(&server, "203.0.113.99", "joe@acme", "abc321"), "account");
    // The owner, from where the account was made.
    server.sign_in("joe@acme", "abc321").expect(200);
}

#[test]
fn nothing_is_limited_when_limits_are_off() {
    let server = TestServer::with(&[
        ("APPMIXER_LIMITS__ENABLED", "false"),
        ("APPMIXER_LIMITS__SIGN_IN", "1/1h"),
        ("APPMIXER_LIMITS__SIGN_UP", "1/1h"),
        ("APPMIXER_LIMITS__ACCOUNT", "1/1h"),
    ]);
    for number in 0..20 {
        server.user(&format!("{number}@acme"));
        let answer = server.sign_in("0@acme", "wrong1").expect(403);
        assert_eq!((answer.header("ratelimit"), answer.header("ratelimit-policy")), (None, None));
    }
    server.sign_in("0@acme", "abc321").expect(200);
}

#[test]
fn whoever_guesses_waits_and_learns_nothing_from_the_right_password_nor_from_who_exists() {
    // The delay of a second that is due as well might be over on a slow machine.
    let server = TestServer::with(&[TRUSTED, ("APPMIXER_LIMITS__ACCOUNT", "6/1h")]);
    let admin = server.admin();
    server.user("joe@acme");
    let heads = ["joe@acme", "nobody@acme"].map(|name| {
        for _ in 0..6 {
            sign_in_from(&server, "203.0.113.1", name, "wrong1").error(403);
        }
        let answer = sign_in_from(&server, "203.0.113.1", name, "abc321");
        let changes = ["x-request-id", "date", "retry-after", "ratelimit: "];
        let lines = answer.head.lines().filter(|line| !changes.iter().any(|name| line.starts_with(name)));
        let head = lines.collect::<Vec<_>>().join("\n");
        assert_limited(&answer, "account");
        head
    });
    assert_eq!(heads[0], heads[1]);
    for _ in 0..30 {
        assert_limited(&sign_in_from(&server, "203.0.113.1", "joe@acme", "abc321"), "account");
    }
    server.sign_in("joe@acme", "abc321").expect(200);
    // The log is told once of each delay and of each account, however often somebody is turned away.
    let noted = |query: &str| entries(&server, &admin, &format!("?{query}&limit=1000"));
    eventually(|| noted("kind=sign-in").len() == 2);
    let failed = noted("kind=sign-in-failed");
    let limited: Vec<_> = failed.iter().filter(|entry| entry["details"]["reason"] == "limited").collect();
    assert!((2..=4).contains(&limited.len()), "{limited:?}");
    assert!(limited.iter().all(|entry| entry["address"] == "203.0.113.1" && entry["user"].is_null()));
    server.assert_well();
}

#[test]
fn many_networks_share_an_accounts_quota_and_the_owner_keeps_a_way_in() {
    let server = TestServer::with(&[TRUSTED]);
    let (receiver, admin) = (Receiver::start(Manner::Answers(vec![])), server.admin());
    configure(&server, &admin, &[("WEBHOOK_USER_FORGOT_PASSWORD", json!(receiver.url))]);
    let home = "198.51.100.7";
    let body = json!({"username": "joe@acme", "email": "joe@mail.example", "password": "abc321"}).to_string();
    post_from(&server, home, "/user", &body).expect(200);
    for name in ["joe@acme", "joe@mail.example"] {
        let guessed = (0..40).filter(|number| {
            sign_in_from(&server, &format!("203.0.113.{number}"), name, "wrong1").status == 403
        });
        assert_eq!(guessed.count(), 20);
        assert_limited(&sign_in_from(&server, "203.0.113.200", name, "abc321"), "account");
        sign_in_from(&server, home, name, "abc321").expect(200);
    }
    // From a new network the mail is the way in.
    let abroad = "192.0.2.99";
    assert_limited(&sign_in_from(&server, abroad, "joe@acme", "abc321"), "account");
    post_from(&server, abroad, "/user/forgot-password", r#"{"email":"joe@acme"}"#).expect(200);
    let code = receiver.wait_for(1)[0].json()["code"].clone();
    let reset = json!({"code": code, "password": "xyz987"}).to_string();
    post_from(&server, abroad, "/user/forgot-password/reset", &reset).expect(200);
    sign_in_from(&server, abroad, "joe@acme", "xyz987").expect(200);
    sign_in_from(&server, abroad, "joe@mail.example", "xyz987").expect(200);
    server.assert_well();
}

#[test]
fn a_backend_through_which_all_users_come_is_not_limited() {
    let server = TestServer::start();
    for number in 0..150 {
        let name = format!("{number}@acme");
        // What the public demos do with a user who may be new.
        server.sign_in(&name, "abc321").error(403);
        server.user(&name);
        server.sign_in(&name, "abc321").expect(200);
    }
    // Somebody whose password it has wrong keeps nobody else out.
    for number in 0..120 {
        server.sign_in(&format!("{number}@acme"), "wrong1");
    }
    assert_limited(&server.sign_in("stranger@acme", "abc321"), "sign-in");
    for number in 0..150 {
        server.sign_in(&format!("{number}@acme"), "abc321").expect(200);
    }
}

#[test]
fn whoever_may_make_users_by_a_token_may_make_many() {
    let server = TestServer::with(&[("APPMIXER_LIMITS__SIGN_UP", "2/1h")]);
    let admin = server.admin();
    for number in 0..10 {
        server
            .post_as(&admin, "/user", &format!(r#"{{"username":"{number}@acme","password":"abc321"}}"#))
            .expect(200);
    }
    let user = server.user("joe@acme");
    // A token that anybody can get is none to be trusted for.
    server.post_as(&user, "/user", r#"{"username":"ann@acme","password":"abc321"}"#).expect(200);
    assert_limited(
        &server.post_as(&user, "/user", r#"{"username":"eve@acme","password":"abc321"}"#),
        "sign-up",
    );
}

#[test]
fn made_up_headers_make_nobody_somebody_else() {
    for settings in
        [&[("APPMIXER_LIMITS__SIGN_IN", "3/1h")][..], &[("APPMIXER_LIMITS__SIGN_IN", "3/1h"), TRUSTED]]
    {
        let server = TestServer::with(settings);
        let attempt = |number: u32, header: &str, made_up: &str| {
            let value =
                if settings.len() == 1 { made_up.to_owned() } else { format!("{made_up}, 198.51.100.7") };
            let value = if header == "Forwarded" { value.replace(", 198", ", for=198") } else { value };
            let body = json!({"username": format!("{number}@x"), "password": "wrong1"}).to_string();
            server.request(
                "POST",
                AUTH,
                &[("Content-Type", "application/json"), (header, &value)],
                body.as_bytes(),
            )
        };
        for number in 0..3 {
            attempt(number, "X-Forwarded-For", &format!("192.0.2.{number}")).error(403);
        }
        assert_limited(&attempt(4, "X-Forwarded-For", "192.0.2.4"), "sign-in");
        assert_limited(&attempt(5, "Forwarded", "for=192.0.2.5"), "sign-in");
    }
}

#[test]
fn behind_a_trusted_proxy_everybody_has_a_quota_and_an_ipv6_64_is_one() {
    let server = TestServer::with(&[("APPMIXER_LIMITS__SIGN_IN", "3/1h"), TRUSTED]);
    let mut number = 0;
    let mut attempt = |address: &str| {
        number += 1;
        sign_in_from(&server, address, &format!("{number}@x"), "wrong1").status
    };
    for host in 0..3 {
        assert_eq!(attempt(&format!("2001:db8:1:1::{host:x}")), 403);
    }
    assert_eq!(attempt("2001:db8:1:1:ffff::1"), 429);
    assert_eq!(attempt("2001:db8:1:2::1"), 403);
    let of_the_48 = (3..100).filter(|subnet| attempt(&format!("2001:db8:1:{subnet:x}::1")) == 403).count();
    assert_eq!(of_the_48, 30 - 4);
    assert_eq!(attempt("2001:db8:2:1::1"), 403);
    assert_eq!(attempt("198.51.100.7"), 403);
}

#[test]
fn who_is_exempt_is_not_limited_and_nobody_gets_there_by_a_header() {
    let settings = [
        ("APPMIXER_LIMITS__SIGN_IN", "3/1h"),
        ("APPMIXER_LIMITS__EXEMPT", "127.0.0.0/8, 192.0.2.0/24"),
        TRUSTED,
    ];
    let server = TestServer::with(&settings);
    for number in 0..10 {
        server.sign_in(&format!("{number}@x"), "wrong1").error(403);
        let answer = sign_in_from(&server, "192.0.2.1", "joe@acme", "wrong1").expect(403);
        assert_eq!(answer.header("ratelimit"), None);
    }
    // Two headers that differ leave the proxy's own address, which is exempt; but who is in doubt is not.
    let confused = |number: u32| {
        let headers = [
            ("Content-Type", "application/json"),
            ("X-Forwarded-For", "198.51.100.7"),
            ("Forwarded", "for=192.0.2.1"),
        ];
        let body = json!({"username": format!("{number}@y"), "password": "wrong1"}).to_string();
        server.request("POST", AUTH, &headers, body.as_bytes())
    };
    for number in 0..3 {
        confused(number).error(403);
    }
    assert_limited(&confused(4), "sign-in");
}

#[test]
fn codes_for_one_account_are_few_whoever_asks() {
    let server = TestServer::with(&[TRUSTED]);
    server.user("joe@acme");
    for name in ["joe@acme", "nobody@acme"] {
        let body = json!({ "email": name }).to_string();
        let ask =
            |number: u32| post_from(&server, &format!("203.0.113.{number}"), "/user/forgot-password", &body);
        assert_eq!((0..20).filter(|number| ask(*number).status == 200).count(), 5);
        assert_limited(&ask(99), "account-codes");
    }
}

#[test]
fn a_flood_of_addresses_takes_little_memory() {
    let server =
        TestServer::with(&[TRUSTED, ("APPMIXER_LIMITS__ENTRIES", "1024"), ("APPMIXER_AUDIT__KEEP", "0")]);
    let guess = |number: u32| {
        let address = std::net::Ipv4Addr::from(0xc633_0000 + number).to_string();
        sign_in_from(&server, &address, &format!("{number}@x"), "wrong1").error(403);
    };
    (0..2000).for_each(guess);
    let before = server.resident_kib();
    (2000..6000).for_each(guess);
    let after = server.resident_kib();
    assert!(after < before + 2048, "{before} KiB, and then {after} KiB");
    server.assert_well();
}
