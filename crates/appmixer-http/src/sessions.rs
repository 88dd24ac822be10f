//! Remembers tokens that were verified, with their user and the rendered answer of `GET /user`.
//!
//! An entry is as good as the token itself: it is used only while nothing has changed about the user, the
//! keys or the configuration ([`Epochs`]), and until the token expires. The memory is bounded in bytes.
//!
//! [`Epochs`]: crate::epochs::Epochs

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use appmixer_core::Caller;
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use siphasher::sip128::SipHasher13;

use crate::epochs::{Epoch, Epochs};
use crate::identity::IdentityHeaders;

/// 128 bits of a keyed hash: a stranger, who does not know the key, cannot look for two tokens that share
/// one, and memory holds no token.
type Key = u128;

/// What is remembered of one token.
pub(crate) struct Remembered {
    pub(crate) caller: Caller,
    /// The answer of `GET /user`.
    pub(crate) rendered: Bytes,
    /// In seconds since 1970: no longer good from here on.
    pub(crate) expires_at: u64,
    pub(crate) epoch: Epoch,
    /// What guarded services are told; made for the first of them.
    pub(crate) identity: OnceLock<Box<IdentityHeaders>>,
}

pub(crate) struct Sessions {
    cache: Cache<Key, Arc<Remembered>, ByBytes>,
    /// Made for this process, and known to nobody outside it.
    hasher: SipHasher13,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Remembered>> for ByBytes {
    fn weight(&self, _: &Key, entry: &Arc<Remembered>) -> u64 {
        // The rendered answer, the same facts again as a user and as headers, and the frame around them.
        1024 + 4 * entry.rendered.len() as u64
    }
}

impl Sessions {
    pub(crate) fn new(bytes: u64) -> Self {
        let expected = usize::try_from(bytes / 2048).unwrap_or(usize::MAX);
        Self {
            cache: Cache::with_weighter(expected, bytes, ByBytes),
            hasher: SipHasher13::new_with_keys(random(), random()),
        }
    }

    pub(crate) fn find(&self, token: &[u8], epochs: &Epochs, now: u64) -> Option<Arc<Remembered>> {
        let entry = self.cache.get(&self.key(token))?;
        let fresh = now < entry.expires_at && epochs.is_now(entry.caller.user.id, entry.epoch);
        fresh.then_some(entry)
    }

    pub(crate) fn remember(&self, token: &[u8], entry: Arc<Remembered>) {
        self.cache.insert(self.key(token), entry);
    }

    fn key(&self, token: &[u8]) -> Key {
        self.hasher.hash(token).as_u128()
    }
}

/// The standard library seeds its hash maps from the system's random bytes.
fn random() -> u64 {
    RandomState::new().hash_one(())
}
