//! What is read from records of both forms, and what is refused.

use appmixer_core::{Scope, UserId};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::write_user;

const ID: &str = "5c88c7cc04a917256c726c3d";
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

fn read(value: &Value) -> Result<Read, Reason> {
    read_user(value.to_string().as_bytes(), &ReadOptions::default()).map_err(|refusal| refusal.reason)
}

#[track_caller]
fn why(value: &Value) -> String {
    read(value).unwrap_err().to_string()
}

fn with(mut value: Value, member: &str, new: Value) -> Value {
    value[member] = new;
    value
}

fn mongo() -> Value {
    json!({"_id": {"$oid": ID}, "username": "joe@acme", "password": HASH})
}

fn own() -> Value {
    json!({"id": ID, "username": "joe@acme", "passwordHash": HASH})
}

#[test]
fn what_is_missing_is_as_for_a_new_user() {
    for (minimal, form) in [(mongo(), "mongo"), (own(), "own")] {
        let Read { user, unknown, is_locked } = read(&minimal).unwrap();
        assert_eq!(user.id.to_string(), ID);
        assert_eq!((user.names.username.as_str(), user.names.email.as_str()), ("joe@acme", "joe@acme"));
        assert_eq!(user.password_hash.as_phc(), HASH, "{form}");
        assert_eq!((user.scopes, user.plan), (Scopes::of_new_user(), Plan::free()));
        assert!(!user.is_active && !is_locked && unknown.is_empty());
        assert_eq!((user.vendor, user.metadata), (Vendor::NONE, Metadata::default()));
        assert_eq!(user.created.to_string(), "2019-03-13T09:05:16.000Z", "{form}: the id's");
        assert_eq!((user.modified, user.generation), (user.created, 0));
        assert!(
            user.confirmation_pending && user.address_vouched,
            "{form}: who imports users vouches for them"
        );
    }
}

#[test]
fn a_document_is_read_in_canonical_and_relaxed_form_alike() {
    let relaxed = json!({
        "_id": {"$oid": ID}, "username": "Joe@Acme", "email": "joe@mail.example", "password": HASH,
        "scope": ["user", "admin"], "plan": "beta", "isActive": true, "vendor": "acme",
        "allowedPrivateComponents": ["a.b.c"], "phoneNumber": "+420 1", "title": "Dr.",
        "metadata": {"n": 5, "big": 9_007_199_254_740_993_i64, "at": {"$date": "2020-01-01T00:00:00Z"}},
        "created": {"$date": "2019-03-13T09:04:00.123Z"}, "mtime": {"$date": "2020-01-01T00:00:00Z"},
        "__v": 0, "settings": {},
    });
    let mut canonical = relaxed.clone();
    canonical["metadata"] = json!({
        "n": {"$numberInt": "5"}, "big": {"$numberLong": "9007199254740993"},
        "at": {"$date": {"$numberLong": "1577836800000"}},
    });
    canonical["created"] = json!({"$date": {"$numberLong": "1552467840123"}});
    canonical["mtime"] = json!({"$date": {"$numberLong": "1577836800000"}});
    canonical["__v"] = json!({"$numberInt": "0"});
    let (one, other) = (read(&relaxed).unwrap(), read(&canonical).unwrap());
    assert!(one.user == other.user);
    assert_eq!(one.unknown, ["__v", "settings"]);
    let user = one.user;
    assert_eq!(user.names.username.as_str(), "Joe@Acme");
    assert_eq!(user.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(), ["user", "admin"]);
    assert_eq!(serde_json::to_value(&user.vendor).unwrap(), json!(["acme"]));
    assert_eq!(
        serde_json::to_string(&user.metadata).unwrap(),
        r#"{"n":5,"big":9007199254740993,"at":"2020-01-01T00:00:00Z"}"#
    );
    assert_eq!(user.created.millis(), 1_552_467_840_123);
    for created in [
        json!(1_552_467_840_123_i64),
        json!(1_552_467_840_123.0),
        json!({"$numberLong": "1552467840123"}),
        json!({"$numberDouble": "1552467840123.0"}),
        json!("2019-03-13T09:04:00.123Z"),
        json!({"$date": 1_552_467_840_123_i64}),
    ] {
        let read = read(&with(mongo(), "created", created.clone())).unwrap();
        assert_eq!(read.user.created.millis(), 1_552_467_840_123, "{created}");
    }
}

#[test]
fn appmixers_empty_texts_are_none() {
    let mut document = mongo();
    for member in ["email", "plan", "vendor", "phoneNumber", "title", "scope", "metadata"] {
        document[member] = json!("");
    }
    assert!(read(&document).unwrap().user == read(&mongo()).unwrap().user);
    assert!(why(&with(own(), "title", json!(""))).contains("title must have 1 to 256"));
}

#[test]
fn what_is_wrong_is_said_with_the_member_and_without_the_value() {
    for (member, value, words) in [
        ("_id", json!("joe"), "_id must be 24"),
        ("_id", json!({"$numberInt": "1"}), "_id must be 24"),
        ("_id", json!(null), "_id must be 24"),
        ("username", json!("joe"), "username must have the format of an email address"),
        ("username", json!(7), "username must be a text"),
        ("email", json!("a b@c"), "email must not contain white space"),
        ("scope", json!(["a b"]), "scope must not contain white space"),
        ("scope", json!([1]), "scope must be a list of texts"),
        ("scope", json!({"a": 1}), "scope must be a list of texts"),
        ("plan", json!("x".repeat(257)), "plan must have 1 to 256 bytes"),
        ("isActive", json!("yes"), "isActive must be true or false"),
        ("vendor", json!(["\u{0}"]), "vendor must not contain control characters"),
        ("allowedPrivateComponents", json!(vec!["x"; 257]), "allowedPrivateComponents must have at most 256"),
        ("phoneNumber", json!(123), "phoneNumber must be a text"),
        ("metadata", json!([]), "metadata must be an object"),
        ("metadata", json!({"x": "x".repeat(16_384)}), "metadata must be at most 16384 bytes"),
        ("created", json!("yesterday"), "created must be a time in ISO 8601"),
        ("created", json!({"$date": {"$numberLong": "-1"}}), "created must be a time in ISO 8601"),
        ("mtime", json!(true), "mtime must be a time in ISO 8601"),
        ("password", json!("5f4dcc3b5aa765d61d8327deb882cf99"), "a kind or cost that cannot be verified"),
        (
            "password",
            json!("$2b$17$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"),
            "cannot be verified",
        ),
        ("password", json!(7), "cannot be verified"),
        ("password", json!(null), "has no password hash"),
        ("password", json!(""), "has no password hash"),
    ] {
        let refusal = why(&with(mongo(), member, value));
        assert!(refusal.contains(words), "{refusal}");
    }
    for generation in [json!(-1), json!(1.5), json!("1"), json!(2_147_483_648_i64), json!(4_294_967_295_i64)]
    {
        assert!(why(&with(own(), "generation", generation)).contains("generation must be a whole number"));
    }
    assert!(
        why(&json!({"password": HASH, "_id": {"$oid": ID}})).contains("username must be there, or email")
    );
    for (text, reason) in [("[1]", Reason::NoObject), ("7", Reason::NoObject), ("{", Reason::CutOff)] {
        assert_eq!(read_user(text.as_bytes(), &ReadOptions::default()).unwrap_err().reason, reason);
    }
    let secret = br#"{"id":1,"passwordHash": $argon2id$secret}"#;
    let refusal = read_user(secret, &ReadOptions::default()).unwrap_err().reason.to_string();
    assert!(refusal.contains("is no JSON") && !refusal.contains("argon"), "{refusal}");
}

#[test]
fn a_refusal_says_whose_record_it_was_as_far_as_that_is_known() {
    let refusal =
        |value: Value| *read_user(value.to_string().as_bytes(), &ReadOptions::default()).unwrap_err();
    let known = refusal(with(mongo(), "isActive", json!(1)));
    assert_eq!(
        (known.id.map(|id| id.to_string()), known.username.as_deref()),
        (Some(ID.to_owned()), Some("joe@acme"))
    );
    let unknown = refusal(json!({"_id": 1}));
    assert_eq!((unknown.id, unknown.username), (None, None));
}

#[test]
fn a_form_can_be_asked_for_and_without_a_hash_a_user_can_be_locked() {
    let options = |format| ReadOptions { format: Some(format), locked: None };
    let text = mongo().to_string();
    assert!(read_user(text.as_bytes(), &options(Format::Mongo)).is_ok());
    assert!(read_user(text.as_bytes(), &options(Format::Own)).is_err());
    // What looks like an export of MongoDB in our own form is left alone.
    let metadata = json!({"a": {"$oid": "x"}});
    let kept = read(&with(own(), "metadata", metadata.clone())).unwrap().user.metadata;
    assert_eq!(serde_json::to_value(kept).unwrap(), metadata);

    let locked = PasswordHash::from_phc("$locked".to_owned());
    let options = ReadOptions { format: None, locked: Some(locked.clone()) };
    for password in [json!(null), json!("abc321")] {
        let read = read_user(with(mongo(), "password", password).to_string().as_bytes(), &options).unwrap();
        assert!(read.is_locked && read.user.password_hash == locked);
    }
    assert!(!read_user(mongo().to_string().as_bytes(), &options).unwrap().is_locked);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,10}|[\\x00-\\x1f\"\\\\]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("\\PC{0,6}|\\$oid|_id", inner, 0..4)
                .prop_map(|object| Value::Object(object.into_iter().collect())),
        ]
    })
}

fn text() -> impl Strategy<Value = Text> {
    "\\PC{1,20}".prop_filter_map("a text", |text| Text::parse(&text).ok())
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.žŘß']{1,12}@[a-zA-Zé.]{1,12}"
}

prop_compose! {
    fn user()(
        id in any::<[u8; 12]>(),
        (username, email) in (name(), name()),
        scopes in prop::collection::vec("[!#-+\\-.-?A-\\[\\]-~]{1,12}", 0..5),
        (plan, vendor) in (text(), prop::option::of(prop::collection::vec(text(), 0..3))),
        allowed_private_components in prop::collection::vec(text(), 0..3),
        (phone_number, title) in (prop::option::of(text()), prop::option::of(text())),
        metadata in prop::collection::hash_map("\\PC{0,10}", json_value(), 0..4),
        (created, modified) in (0..253_402_300_799_999_i64, 0..253_402_300_799_999_i64),
        (is_active, generation, pending, address_vouched) in (any::<bool>(), 0..=MAX_IMPORTED_GENERATION, any::<bool>(), any::<bool>()),
    ) -> User {
        User {
            id: UserId::from_bytes(id),
            names: Names { username: Username::parse(&username).unwrap(), email: Email::parse(&email).unwrap() },
            password_hash: PasswordHash::from_phc(HASH.to_owned()),
            scopes: Scopes::parse(scopes).unwrap(),
            plan: Plan::parse(plan.as_str()).unwrap(),
            is_active,
            vendor: vendor.map_or(Vendor::NONE, |list| Vendor::parse(list.iter().map(Text::as_str)).unwrap()),
            allowed_private_components,
            phone_number,
            title,
            metadata: Metadata::new(metadata.into_iter().collect()).unwrap(),
            created: Timestamp::from_millis(created),
            modified: Timestamp::from_millis(modified),
            generation,
            confirmation_pending: pending && !is_active,
            address_vouched,
        }
    }
}

proptest! {
    #[test]
    fn every_user_survives_its_line(user in user()) {
        let mut line = Vec::new();
        write_user(&mut line, &user).unwrap();
        prop_assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
        let read = read_user(&line, &ReadOptions::default()).unwrap();
        prop_assert!(read.user == user && read.unknown.is_empty());
        let mut again = Vec::new();
        write_user(&mut again, &read.user).unwrap();
        prop_assert_eq!(again, line);
    }

    #[test]
    fn no_object_panics(object in prop::collection::hash_map(
        "_id|id|username|email|password|passwordHash|scope|plan|vendor|metadata|created|mtime|generation|x",
        json_value(),
        0..10,
    )) {
        let _ = read(&Value::Object(object.into_iter().collect()));
    }
}
