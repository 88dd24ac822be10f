//! The keys that sign tokens, for those who administer them: what there is, and how one takes the place of another.
//!
//! The API and the commands at the machine have this in common.

use std::time::Duration;

use appmixer_core::{
    AddKey, Context, KEY_END_MARGIN, KeyId, KeyRecord, OWN_SECRETS, Origin, Retired, StoreError,
    SystemConfig, Timestamp, add_key, retire_key, signs_at,
};
use appmixer_token::{Algorithm, KeyError, Sealer, SigningKey};
use thiserror::Error;

use crate::options::TokenOptions;
use crate::routes::jwks::JWKS_MAX_AGE_SECONDS;
use crate::tokens::open_key;

/// How long a new public key is published before it signs: twice as long as anybody keeps the set.
const PUBLISHED_BEFORE: Duration = Duration::from_secs(2 * JWKS_MAX_AGE_SECONDS);

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The database, which has it sealed.
    Database,
    /// `JWTSecret` of the system configuration.
    SystemConfiguration,
    /// The server's own secret.
    OwnSecret,
    /// A secret that the server had before.
    PreviousSecret,
}

impl KeySource {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Database, Self::SystemConfiguration, Self::OwnSecret, Self::PreviousSecret];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::SystemConfiguration => "system-configuration",
            Self::OwnSecret => "own-secret",
            Self::PreviousSecret => "previous-secret",
        }
    }
}

/// What a key does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It signs, and verifies.
    Signing,
    /// It will sign, and is published already.
    Next,
    /// It has signed, and still verifies.
    Verifying,
    /// It verifies nothing any more.
    Ended,
    /// It cannot be opened, and so does nothing.
    Unusable,
}

impl KeyState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Signing, Self::Next, Self::Verifying, Self::Ended, Self::Unusable];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Next => "next",
            Self::Verifying => "verifying",
            Self::Ended => "ended",
            Self::Unusable => "unusable",
        }
    }
}

/// What may be told of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// Its name; secrets that come one after the other share one.
    pub id: String,
    /// Its algorithm, by the name that tokens have for it.
    pub algorithm: String,
    /// Where it comes from.
    pub source: KeySource,
    /// What it does.
    pub state: KeyState,
    /// When it was made; of those of the database.
    pub created: Option<Timestamp>,
    /// From when on it signs; of those of the database.
    pub activates: Option<Timestamp>,
    /// From when on it verifies nothing, if that is known already.
    pub ends: Option<Timestamp>,
}

impl ListedKey {
    fn kept(key: &KeyRecord, state: KeyState) -> Self {
        Self {
            id: key.id.to_string(),
            algorithm: key.algorithm.clone(),
            source: KeySource::Database,
            state,
            created: Some(key.created),
            activates: Some(key.activates),
            ends: key.ends,
        }
    }
}

impl TokenOptions {
    /// All keys, newest first, if these are those of the store.
    #[must_use]
    pub fn list(&self, kept: &[KeyRecord], config: &SystemConfig, now: Timestamp) -> Vec<ListedKey> {
        let (sealer, jwt_secret) = (self.sealer(), self.jwt_secret(config));
        let has_jwt_secret = matches!(jwt_secret, Some(Ok(_)));
        let is_usable = |key: &KeyRecord| key.is_own() || open_key(&sealer, key).is_ok();
        let usable: Vec<_> = kept.iter().filter(|key| is_usable(key)).cloned().collect();
        let signing = signs_at(&usable, now).map(|place| usable[place].id.clone());
        let mut keys = Vec::new();
        for key in kept.iter().rev() {
            let signs = signing.as_ref() == Some(&key.id);
            let state = if !is_usable(key) {
                KeyState::Unusable
            } else if signs {
                KeyState::Signing
            } else if key.has_ended(now) {
                KeyState::Ended
            } else if key.activates > now {
                KeyState::Next
            } else {
                KeyState::Verifying
            };
            if !key.is_own() {
                keys.push(ListedKey::kept(key, state));
                continue;
            }
            let secret = |id: &str, source, state, ends| ListedKey {
                id: id.to_owned(),
                source,
                created: None,
                activates: None,
                ends,
                ..ListedKey::kept(key, state)
            };
            // Set, it signs in the place of the own secret, and verifies whatever becomes of that.
            if let Some(set) = &jwt_secret {
                let state = match set {
                    Err(_) => KeyState::Unusable,
                    Ok(_) if signs => KeyState::Signing,
                    Ok(_) => KeyState::Verifying,
                };
                keys.push(secret("JWTSecret", KeySource::SystemConfiguration, state, None));
            }
            let own_state = if signs && has_jwt_secret { KeyState::Verifying } else { state };
            keys.push(secret(OWN_SECRETS, KeySource::OwnSecret, own_state, key.ends));
            let old_state = if signs { KeyState::Verifying } else { state };
            for _ in &self.previous {
                keys.push(secret(OWN_SECRETS, KeySource::PreviousSecret, old_state, key.ends));
            }
        }
        keys
    }
}

/// How a new key takes over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rotation {
    /// What the key is for; [`TokenOptions::algorithm`] without it.
    pub algorithm: Option<Algorithm>,
    /// When it begins to sign, at the earliest now. Without it at once, and a public key when all have seen it.
    pub activates: Option<Timestamp>,
    /// How long what signed before goes on verifying once it signs no more, at least; the lifetime of tokens without
    /// it.
    pub overlap: Option<Duration>,
}

/// A new key, and when whatever signed before it ends.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The key.
    pub key: ListedKey,
    /// When the others verify nothing any more.
    pub others_end: Timestamp,
}

/// Why no new key takes over.
#[derive(Debug, Error)]
pub enum RotateError {
    /// Tokens or console sessions live this many seconds.
    #[error("must be at least {0} seconds, the longest lifetime of a token: less would sign users out")]
    Overlap(u64),
    /// The database has a key that cannot be opened here, so that others could not open what is sealed here.
    #[error("{0}")]
    OtherSecret(String),
    /// The key could not be made.
    #[error("a key cannot be made: {0}")]
    Key(#[from] KeyError),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a key that takes over, with its entry in the audit log.
///
/// # Errors
/// [`RotateError`].
pub async fn rotate_key(
    ctx: &Context,
    tokens: &TokenOptions,
    origin: &Origin,
    rotation: Rotation,
) -> Result<Rotated, RotateError> {
    let sealer = tokens.sealer();
    let kept = ctx.store.signing_keys().await?;
    let now = ctx.clock.now();
    let recorded = tokens.signers(&kept, now).map(|key| key.lifetime).max();
    let lifetime = recorded.unwrap_or_default().max(ctx.rules.token_lifetime);
    let overlap = rotation.overlap.unwrap_or(lifetime);
    if overlap < lifetime {
        return Err(RotateError::Overlap(lifetime.as_secs()));
    }
    let mut made = kept.iter().filter(|key| !key.sealed.is_empty());
    if let Some(why) = made.find_map(|key| open_key(&sealer, key).err()) {
        return Err(RotateError::OtherSecret(why));
    }
    let algorithm = rotation.algorithm.unwrap_or(tokens.algorithm);
    let wait = if algorithm.is_asymmetric() { PUBLISHED_BEFORE } else { Duration::ZERO };
    let activates = rotation.activates.map_or_else(|| now.after(wait), |time| time.max(now));
    let (key, others_end) = (new_key(&sealer, algorithm, now, activates)?, end_of_others(activates, overlap));
    let listed = ListedKey::kept(&key, if activates > now { KeyState::Next } else { KeyState::Signing });
    let latest = add_key(ctx, origin, key, others_end, AddKey::Always).await?;
    Ok(Rotated { key: listed, others_end: latest.unwrap_or(others_end) })
}

/// Makes the first key that the store keeps, if there is none yet, to sign from now on. Answers with it if this server
/// was the one to make it.
///
/// # Errors
/// [`RotateError`].
pub async fn make_first_key(
    ctx: &Context,
    tokens: &TokenOptions,
    origin: &Origin,
) -> Result<Option<KeyRecord>, RotateError> {
    let now = ctx.clock.now();
    let key = new_key(&tokens.sealer(), tokens.algorithm, now, now)?;
    let end = end_of_others(now, ctx.rules.token_lifetime);
    Ok(add_key(ctx, origin, key.clone(), end, AddKey::IfFirst).await?.map(|_| key))
}

/// Ends a key at once, with its entry in the audit log. One that signs stays, unless it cannot be opened.
///
/// # Errors
/// [`StoreError`].
pub async fn end_key(
    ctx: &Context,
    tokens: &TokenOptions,
    origin: &Origin,
    id: KeyId,
) -> Result<Retired, StoreError> {
    let (kept, sealer) = (ctx.store.signing_keys().await?, tokens.sealer());
    let found = kept.iter().find(|key| key.id == id);
    let is_usable = found.is_none_or(|key| key.is_own() || open_key(&sealer, key).is_ok());
    retire_key(ctx, origin, id, !is_usable).await
}

/// When whatever was signed until `activates` has expired, whichever clock it was signed by.
fn end_of_others(activates: Timestamp, lifetime: Duration) -> Timestamp {
    activates.after(lifetime).after(KEY_END_MARGIN)
}

impl TokenOptions {
    /// The keys, oldest first, that sign now or later. Keys that cannot be opened sign nothing.
    pub(crate) fn signers<'k>(
        &self,
        kept: &'k [KeyRecord],
        now: Timestamp,
    ) -> impl Iterator<Item = &'k KeyRecord> {
        let sealer = self.sealer();
        let is_usable = |key: &&KeyRecord| key.is_own() || open_key(&sealer, key).is_ok();
        let usable: Vec<_> = kept.iter().filter(is_usable).collect();
        let first = usable.iter().rposition(|key| key.activates <= now).unwrap_or(0);
        usable.into_iter().skip(first)
    }
}

/// A key that nobody has, sealed.
fn new_key(
    sealer: &Sealer,
    algorithm: Algorithm,
    now: Timestamp,
    activates: Timestamp,
) -> Result<KeyRecord, KeyError> {
    let key = SigningKey::generate(algorithm)?;
    let name = key.name()?;
    let private = sealer.seal(&name, &key)?;
    let id = KeyId::parse(&name).map_err(|_| KeyError::Unusable)?;
    Ok(KeyRecord {
        id,
        algorithm: algorithm.to_string(),
        sealed: private,
        created: now,
        activates,
        ends: None,
        lifetime: Duration::ZERO,
    })
}
