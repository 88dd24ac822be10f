//! From what the domain grants to what a token says, and back; and from the keys that are kept to those that sign.

use appmixer_core::{Grant, JWT_SECRET, KeyRecord, Scope, Scopes, SystemConfig, Timestamp};
use appmixer_token::{
    Algorithm, Claims, KeySet, Opened, Sealer, Secret, ShortSecret, SigningKey, TokenError, VerifyingKey,
};
use thiserror::Error;

use crate::options::TokenOptions;

/// The claims of a token for a grant (contract, "The token"). A user whose tokens were never revoked has
/// no `gen`.
#[must_use]
pub fn claims_of(grant: &Grant) -> Claims {
    Claims {
        id: grant.id.to_string(),
        scope: grant.scopes.iter().map(Scope::to_string).collect(),
        iat: grant.issued_at.seconds(),
        exp: grant.expires_at.seconds(),
        generation: (grant.generation > 0).then_some(grant.generation),
    }
}

/// What the claims of a verified token grant.
///
/// # Errors
/// [`TokenError::InvalidClaims`]: well signed, but the id or a scope has a form that we do not make.
pub fn grant_of(claims: &Claims) -> Result<Grant, TokenError> {
    Ok(Grant {
        id: claims.id.parse().map_err(|_| TokenError::InvalidClaims)?,
        scopes: Scopes::parse(&claims.scope).map_err(|_| TokenError::InvalidClaims)?,
        issued_at: Timestamp::from_seconds(claims.iat),
        expires_at: Timestamp::from_seconds(claims.exp),
        generation: claims.generation.unwrap_or(0),
    })
}

/// A key that cannot be used.
#[derive(Debug, Error)]
#[error("the signing key {id}: {why}")]
pub struct UnusableKey {
    /// Its name.
    pub id: String,
    why: String,
}

impl TokenOptions {
    /// What seals and opens the keys that a store keeps.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        Sealer::new(&self.current, &self.previous)
    }

    /// The keys that sign and verify under a system configuration, and those that should and cannot.
    ///
    /// Of the keys of the store the newest signs whose time has come; before the first of them, `JWTSecret` if it is
    /// set, and otherwise the server's own secret. What has signed before goes on verifying until its end, and
    /// `JWTSecret` for as long as it is set. One that is shorter than this server accepts counts as not set.
    #[must_use]
    pub fn key_set(&self, config: &SystemConfig, kept: &[KeyRecord]) -> (KeySet, Vec<UnusableKey>) {
        let (mut signing, mut unusable) = (Vec::new(), Vec::new());
        let sealer = self.sealer();
        for record in kept.iter().rev().filter(|record| !record.is_own()) {
            match open_key(&sealer, record) {
                Ok(opened) => signing.push(timed(opened.key, record)),
                Err(why) => unusable.push(UnusableKey { id: record.id.to_string(), why }),
            }
        }
        let end =
            kept.iter().find(|record| record.is_own()).and_then(|record| record.ends).map(Timestamp::seconds);
        let until = |key: VerifyingKey| if let Some(end) = end { key.until(end) } else { key };
        let own = SigningKey::from(self.current.clone());
        let mut others = Vec::new();
        let jwt_secret = self.jwt_secret(config).transpose().unwrap_or_else(|error| {
            let why = format!("{error}; set a longer one, or token.allow_short_secret of each server");
            unusable.push(UnusableKey { id: JWT_SECRET.to_owned(), why });
            None
        });
        if let Some(secret) = jwt_secret {
            signing.push(secret.into());
            others.push(until(own.verifying().clone()));
        } else {
            signing.push(if let Some(end) = end { own.verifying_until(end) } else { own });
        }
        others.extend(self.previous.iter().cloned().map(|secret| until(secret.into())));
        (KeySet::of(signing, others), unusable)
    }

    /// `JWTSecret`, if it is set.
    pub(crate) fn jwt_secret(&self, config: &SystemConfig) -> Option<Result<Secret, ShortSecret>> {
        let bytes = config.token_secret.as_ref()?.as_bytes();
        Some(if self.allow_short_secret { Secret::short_allowed(bytes) } else { Secret::new(bytes) })
    }
}

/// Opens a key as it was kept.
///
/// # Errors
/// What is wrong with it, without anything of the key.
pub fn open_key(sealer: &Sealer, record: &KeyRecord) -> Result<Opened, String> {
    let algorithm = Algorithm::parse(&record.algorithm).ok_or("its algorithm is unknown to this version")?;
    sealer.open(record.id.as_str(), algorithm, &record.sealed).map_err(|error| error.to_string())
}

/// In whole seconds, as tokens count; a key that is retired now ends with the second before.
fn timed(key: SigningKey, record: &KeyRecord) -> SigningKey {
    let key = key.signing_from(record.activates.seconds());
    if let Some(end) = record.ends { key.verifying_until(end.seconds()) } else { key }
}
