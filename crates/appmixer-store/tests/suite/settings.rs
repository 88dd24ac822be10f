//! What every store promises of the system configuration.

use std::sync::Arc;

use appmixer_core::{Beside, Change, ConfigKey, Store};
use serde_json::json;
use tokio::task::JoinSet;

use super::{Notes, entry};

pub(crate) async fn configuration_entries_are_kept_as_they_are(store: Arc<dyn Store>, notes: Arc<Notes>) {
    assert_eq!(store.entries().await, Ok(vec![]));
    store.set(entry("OUR_OWN", json!({"b": 1, "a": [null]})), Beside::nothing()).await.unwrap();
    store.set(entry("APP_NAME", json!("Acme")), Beside::nothing()).await.unwrap();
    store.set(entry("APP_NAME", json!("Acme 2")), Beside::nothing()).await.unwrap();
    assert_eq!(notes.take(), [Change::Config; 3]);
    let expected = vec![entry("APP_NAME", json!("Acme 2")), entry("OUR_OWN", json!({"b": 1, "a": [null]}))];
    assert_eq!(store.entries().await, Ok(expected));
    let key = || ConfigKey::parse("APP_NAME").unwrap();
    assert_eq!(store.remove(key(), Beside::nothing()).await, Ok(true));
    assert_eq!(notes.take(), [Change::Config]);
    assert_eq!(store.remove(key(), Beside::nothing()).await, Ok(false));
    assert_eq!(notes.take(), []);
}

pub(crate) async fn the_number_of_configuration_entries_is_bounded(store: Arc<dyn Store>, _: Arc<Notes>) {
    let numbers: Vec<_> = (0..appmixer_core::MAX_ENTRIES).collect();
    // Not so many at once that some would be told to come back.
    for some in numbers.chunks(50) {
        let mut tasks = JoinSet::new();
        for &number in some {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                store.set(entry(&format!("K{number}"), json!(number)), Beside::nothing()).await
            });
        }
        assert!(tasks.join_all().await.iter().all(Result::is_ok));
    }
    let full = Err(appmixer_core::StoreError::TooMany(appmixer_core::MAX_ENTRIES));
    assert_eq!(store.set(entry("ONE_MORE", json!(1)), Beside::nothing()).await, full);
    assert_eq!(store.set(entry("K0", json!("changed")), Beside::nothing()).await, Ok(()));
    // What clients keep must not keep an administrator from closing a door.
    assert_eq!(store.set(entry("API_USER_CREATE_SCOPE", json!("admin")), Beside::nothing()).await, Ok(()));
}
