//! What becomes of the keys that sign tokens, decided over all of them. Every store carries it out in one transaction.

use std::time::Duration;

use crate::signing_key::{AddKey, KEY_END_MARGIN, KeyId, KeyRecord, MAX_SIGNING_KEYS, Retired, signs_at};
use crate::store::StoreError;
use crate::time::Timestamp;

/// Something to be done to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyStep {
    /// It ends then, or has no end any more.
    End(KeyId, Option<Timestamp>),
    /// It goes.
    Delete(KeyId),
    /// It may sign tokens of this lifetime.
    Lifetime(KeyId, Duration),
}

/// When a key ends that is replaced at `until`: once its last token has expired.
fn end(key: &KeyRecord, until: Timestamp, lifetime: Duration) -> Option<Timestamp> {
    key.ends.max(Some(until.after(lifetime).after(KEY_END_MARGIN)))
}

/// What is to be done before a key is added, and the latest end of those that it replaces; `None`: it is not to be.
///
/// # Errors
/// [`StoreError::TooMany`].
pub fn adding(
    keys: &[KeyRecord],
    key: &KeyRecord,
    others_end: Timestamp,
    when: AddKey,
) -> Result<Option<(Vec<KeyStep>, Timestamp)>, StoreError> {
    if when == AddKey::IfFirst && keys.iter().any(|key| !key.is_own()) {
        return Ok(None);
    }
    if keys.len() >= MAX_SIGNING_KEYS {
        return Err(StoreError::TooMany(MAX_SIGNING_KEYS));
    }
    // What is older than the one that signs now does not sign again.
    let signing = signs_at(keys, key.created).unwrap_or(0);
    let mut latest = others_end;
    let steps = keys[signing..].iter().map(|other| {
        let end = end(other, key.activates, other.lifetime).max(Some(others_end));
        latest = latest.max(end.unwrap_or(latest));
        KeyStep::End(other.id.clone(), end)
    });
    let steps = steps.collect();
    Ok(Some((steps, latest)))
}

/// Records a lifetime. The key that replaces one comes behind it, and so says until when that one may sign.
#[must_use]
pub fn recording(keys: &[KeyRecord], ids: &[KeyId], lifetime: Duration) -> Vec<KeyStep> {
    let mut steps = Vec::new();
    for (place, key) in keys.iter().enumerate() {
        if !ids.contains(&key.id) || key.lifetime >= lifetime {
            continue;
        }
        steps.push(KeyStep::Lifetime(key.id.clone(), lifetime));
        let replaced = keys[place + 1..].iter().map(|next| next.activates).max();
        if let Some(until) = replaced.filter(|_| key.ends.is_some()) {
            steps.push(KeyStep::End(key.id.clone(), end(key, until, lifetime)));
        }
    }
    steps
}

/// What becomes of a key that is to be retired, and what is to be done for that.
#[must_use]
pub fn retiring(keys: &[KeyRecord], id: &KeyId, may_sign: bool, now: Timestamp) -> (Retired, Vec<KeyStep>) {
    let Some(place) = keys.iter().position(|key| key.id == *id) else {
        return (Retired::NotFound, Vec::new());
    };
    if signs_at(keys, now) == Some(place) && (keys[place].is_own() || !may_sign) {
        return (Retired::Signs, Vec::new());
    }
    if keys[place].is_own() {
        return (Retired::Done, vec![KeyStep::End(id.clone(), Some(now))]);
    }
    let mut steps = vec![KeyStep::Delete(id.clone())];
    if let [.., next, _] = keys
        && place == keys.len() - 1
    {
        steps.push(KeyStep::End(next.id.clone(), None));
    }
    (Retired::Done, steps)
}

/// Deletes the keys that have ended.
#[must_use]
pub fn forgetting(keys: &[KeyRecord], now: Timestamp) -> Vec<KeyStep> {
    let ended = keys.iter().filter(|key| key.has_ended(now) && !key.is_own());
    ended.map(|key| KeyStep::Delete(key.id.clone())).collect()
}
