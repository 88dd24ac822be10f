//! What becomes of the keys that sign tokens, decided over all of them.

use appmixer_core::{AddKey, KeyId, KeyRecord, MAX_SIGNING_KEYS, Retired, StoreError, Timestamp, signs_at};

/// Something to be done to a key.
pub(crate) enum Step {
    /// It ends then, or has no end any more.
    End(KeyId, Option<Timestamp>),
    Delete(KeyId),
}

pub(crate) fn id(text: &str) -> Result<KeyId, StoreError> {
    KeyId::parse(text).map_err(|error| StoreError::Corrupt(format!("signing_keys, id: {error}")))
}

/// What is to be done before a key is added; `None`: it is not to be.
pub(crate) fn adding(
    keys: &[KeyRecord],
    key: &KeyRecord,
    others_end: Timestamp,
    when: AddKey,
) -> Result<Option<Vec<Step>>, StoreError> {
    if when == AddKey::IfFirst && keys.iter().any(|key| !key.is_own()) {
        return Ok(None);
    }
    if keys.len() >= MAX_SIGNING_KEYS {
        return Err(StoreError::TooMany(MAX_SIGNING_KEYS));
    }
    // What is older than the one that signs now does not sign again.
    let signing = signs_at(keys, key.created).unwrap_or(0);
    let end = |other: &KeyRecord| Step::End(other.id.clone(), other.ends.max(Some(others_end)));
    Ok(Some(keys[signing..].iter().map(end).collect()))
}

/// What becomes of a key that is to be retired, and what is to be done for that.
pub(crate) fn retiring(
    keys: &[KeyRecord],
    id: &KeyId,
    may_sign: bool,
    now: Timestamp,
) -> (Retired, Vec<Step>) {
    let Some(place) = keys.iter().position(|key| key.id == *id) else {
        return (Retired::NotFound, Vec::new());
    };
    if signs_at(keys, now) == Some(place) && (keys[place].is_own() || !may_sign) {
        return (Retired::Signs, Vec::new());
    }
    if keys[place].is_own() {
        return (Retired::Done, vec![Step::End(id.clone(), Some(now))]);
    }
    let mut steps = vec![Step::Delete(id.clone())];
    if let [.., next, _] = keys
        && place == keys.len() - 1
    {
        steps.push(Step::End(next.id.clone(), None));
    }
    (Retired::Done, steps)
}

/// Deletes the keys that have ended.
pub(crate) fn forgetting(keys: &[KeyRecord], now: Timestamp) -> Vec<Step> {
    let ended = keys.iter().filter(|key| key.has_ended(now) && !key.is_own());
    ended.map(|key| Step::Delete(key.id.clone())).collect()
}
