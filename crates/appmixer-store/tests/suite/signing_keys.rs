//! What every store promises of the keys that sign tokens.

use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{
    AddKey, AuditEntry, AuditKind, AuditQuery, Beside, Change, KeyId, KeyRecord, MAX_SIGNING_KEYS,
    OWN_SECRETS, Origin, Retired, Store, StoreError, Timestamp,
};
use tokio::task::JoinSet;

use super::Notes;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn id(name: &str) -> KeyId {
    KeyId::parse(name).unwrap()
}

/// A key that was made at this second and signs from another one on.
fn key(name: &str, created: u64, activates: u64) -> KeyRecord {
    KeyRecord {
        id: id(name),
        algorithm: "EdDSA".to_owned(),
        sealed: name.as_bytes().to_vec(),
        created: at(created),
        activates: at(activates),
        ends: None,
        lifetime: Duration::ZERO,
    }
}

async fn add(store: &Arc<dyn Store>, key: KeyRecord, others_end: u64) -> u64 {
    let added = store.add_signing_key(key, at(others_end), AddKey::Always, Beside::nothing()).await;
    added.unwrap().unwrap().seconds()
}

async fn record(store: &Arc<dyn Store>, names: &[&str], seconds: u64) {
    let ids = names.iter().map(|name| id(name)).collect();
    store.record_lifetime(ids, Duration::from_secs(seconds)).await.unwrap();
}

async fn retire(store: &Arc<dyn Store>, name: &str, now: u64) -> Retired {
    store.retire_signing_key(id(name), false, at(now), Beside::nothing()).await.unwrap()
}

/// The names and ends, in seconds.
async fn ends(store: &Arc<dyn Store>) -> Vec<(String, Option<u64>)> {
    let keys = store.signing_keys().await.unwrap();
    keys.iter().map(|key| (key.id.to_string(), key.ends.map(Timestamp::seconds))).collect()
}

fn expected(keys: &[(&str, Option<u64>)]) -> Vec<(String, Option<u64>)> {
    keys.iter().map(|(name, end)| ((*name).to_owned(), *end)).collect()
}

pub(crate) async fn a_new_key_comes_last_and_those_that_sign_until_then_get_an_end(
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
) {
    assert_eq!(ends(&store).await, expected(&[(OWN_SECRETS, None)]));
    assert!(store.signing_keys().await.unwrap()[0].is_own());
    add(&store, key("a", 100, 200), 1000).await;
    assert_eq!(notes.take(), [Change::Config]);
    assert_eq!(store.signing_keys().await.unwrap()[1], key("a", 100, 200));
    // At 150 the own secrets sign still, and "a" may sign before "b" does.
    add(&store, key("b", 150, 900), 1700).await;
    assert_eq!(ends(&store).await, expected(&[(OWN_SECRETS, Some(1700)), ("a", Some(1700)), ("b", None)]));
    // At 1000 it is "b" that signs: what is older ends as it would have. No end comes sooner than it was said.
    add(&store, key("c", 1000, 1000), 1600).await;
    add(&store, key("d", 1001, 1001), 1500).await;
    assert_eq!(
        ends(&store).await,
        expected(&[
            (OWN_SECRETS, Some(1700)),
            ("a", Some(1700)),
            ("b", Some(1600)),
            ("c", Some(1500)),
            ("d", None)
        ])
    );
}

pub(crate) async fn a_replaced_key_ends_after_the_longest_token_that_it_has_signed(
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
) {
    let lifetimes = async || {
        let keys = store.signing_keys().await.unwrap();
        keys.iter().map(|key| key.lifetime.as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(lifetimes().await, [0]);
    record(&store, &[OWN_SECRETS], 43_200).await;
    assert_eq!(notes.take(), [Change::Config]);
    // A server that is configured for shorter tokens does not shorten what was signed.
    record(&store, &[OWN_SECRETS, "unknown"], 5).await;
    assert_eq!((lifetimes().await, notes.take()), (vec![43_200], vec![]));
    assert_eq!(add(&store, key("a", 100, 200), 265).await, 200 + 43_200 + 60);
    assert_eq!(ends(&store).await, expected(&[(OWN_SECRETS, Some(43_460)), ("a", None)]));
    // While the old key still signs, longer tokens extend its end; the new key has a record of its own.
    record(&store, &[OWN_SECRETS, "a"], 50_000).await;
    assert_eq!(ends(&store).await, expected(&[(OWN_SECRETS, Some(50_260)), ("a", None)]));
    assert_eq!(add(&store, key("b", 300, 300), 90_000).await, 90_000);
    record(&store, &["b"], 10).await;
    assert_eq!(lifetimes().await, [50_000, 50_000, 10]);
    assert_eq!(
        ends(&store).await,
        expected(&[(OWN_SECRETS, Some(50_260)), ("a", Some(90_000)), ("b", None)])
    );
}

pub(crate) async fn of_many_who_add_a_first_key_one_does(store: Arc<dyn Store>, _: Arc<Notes>) {
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let key = key(&format!("k{number}"), 1, 1);
            store.add_signing_key(key, at(9), AddKey::IfFirst, Beside::nothing()).await.unwrap().is_some()
        });
    }
    assert_eq!(tasks.join_all().await.iter().filter(|added| **added).count(), 1);
    assert_eq!(store.signing_keys().await.unwrap().len(), 2);
}

pub(crate) async fn a_retired_key_is_gone_and_the_one_that_signs_is_not_retired(
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
) {
    add(&store, key("a", 100, 100), 1000).await;
    add(&store, key("b", 200, 500), 1400).await;
    notes.take();
    assert_eq!(retire(&store, "x", 300).await, Retired::NotFound);
    assert_eq!(retire(&store, "a", 300).await, Retired::Signs);
    assert_eq!(notes.take(), []);
    // What was to replace "a" goes, so "a" signs on without an end.
    assert_eq!(retire(&store, "b", 300).await, Retired::Done);
    assert_eq!(notes.take(), [Change::Config]);
    assert_eq!(ends(&store).await, expected(&[(OWN_SECRETS, Some(1000)), ("a", None)]));

    add(&store, key("c", 310, 310), 1500).await;
    assert_eq!(retire(&store, "a", 320).await, Retired::Done);
    // The own secrets are no row that could go: that they have ended stays.
    assert_eq!(retire(&store, OWN_SECRETS, 330).await, Retired::Done);
    assert_eq!(ends(&store).await, expected(&[(OWN_SECRETS, Some(330)), ("c", None)]));
    assert_eq!(retire(&store, "c", 340).await, Retired::Signs);
    // A key that nobody can open signs nothing: the own secrets do again, rather than nothing at all.
    let forced = |name| store.retire_signing_key(id(name), true, at(350), Beside::nothing());
    assert_eq!(forced("c").await, Ok(Retired::Done));
    assert_eq!(ends(&store).await, expected(&[(OWN_SECRETS, None)]));
    assert_eq!(forced(OWN_SECRETS).await, Ok(Retired::Signs));
}

pub(crate) async fn keys_that_have_ended_are_forgotten_and_no_others(
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
) {
    add(&store, key("a", 1, 1), 100).await;
    add(&store, key("b", 2, 2), 200).await;
    notes.take();
    assert_eq!(store.forget_ended_keys(at(199)).await, Ok(0));
    assert_eq!(notes.take(), []);
    assert_eq!(store.forget_ended_keys(at(200)).await, Ok(1));
    assert_eq!(notes.take(), [Change::Config]);
    assert_eq!(ends(&store).await, expected(&[(OWN_SECRETS, Some(100)), ("b", None)]));
}

pub(crate) async fn the_number_of_keys_is_bounded_and_their_changes_are_in_the_log(
    store: Arc<dyn Store>,
    _: Arc<Notes>,
) {
    let entry = |kind| Beside::from(AuditEntry::new(at(1), kind, &Origin::command_line(1000)));
    for number in 1..MAX_SIGNING_KEYS {
        let key = key(&format!("k{number}"), 1, 1);
        let added = store.add_signing_key(key, at(9), AddKey::Always, entry(AuditKind::KeyRotated)).await;
        assert!(added.unwrap().is_some());
    }
    let one_more = key("one-more", 1, 1);
    let refused =
        store.add_signing_key(one_more.clone(), at(9), AddKey::Always, entry(AuditKind::KeyRotated));
    assert_eq!(refused.await, Err(StoreError::TooMany(MAX_SIGNING_KEYS)));
    let retired = store.retire_signing_key(id("k1"), false, at(2), entry(AuditKind::KeyRetired)).await;
    assert_eq!(retired, Ok(Retired::Done));
    let unknown = store.retire_signing_key(id("k1"), false, at(2), entry(AuditKind::KeyRetired)).await;
    assert_eq!(unknown, Ok(Retired::NotFound));

    let query = AuditQuery {
        from: None,
        to: None,
        user: None,
        kinds: vec![AuditKind::KeyRotated, AuditKind::KeyRetired],
        before: None,
        after: None,
        limit: 100,
    };
    let entries = store.audit_entries(query).await.unwrap();
    assert_eq!(entries.len(), MAX_SIGNING_KEYS);
    assert_eq!(entries[0].entry.kind, AuditKind::KeyRetired);
}

pub(crate) async fn a_key_is_sealed_anew_only_if_it_is_what_was_read(store: Arc<dyn Store>, _: Arc<Notes>) {
    add(&store, key("a", 1, 1), 100).await;
    let reseal = |old: &str, new: &str| {
        store.reseal_signing_key(id("a"), old.as_bytes().to_vec(), new.as_bytes().to_vec())
    };
    assert_eq!(reseal("a", "other").await, Ok(true));
    assert_eq!(reseal("a", "third").await, Ok(false));
    assert_eq!(store.signing_keys().await.unwrap()[1].sealed, b"other");
}
