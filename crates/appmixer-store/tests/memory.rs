//! The store in memory of `appmixer_core::testing` keeps what every store promises.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::unused_async, reason = "other stores wait until they are open")]

mod suite;

use std::sync::Arc;

use appmixer_core::Store;
use appmixer_core::testing::MemoryStore;

use suite::Notes;

async fn open_new(notes: Arc<Notes>) -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new(notes)), ())
}

suite::every_promise!(super::open_new);
