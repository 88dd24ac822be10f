//! From what the domain grants to what a token says, and back.

use appmixer_core::{Grant, Scope, Scopes, SystemConfig, Timestamp};
use appmixer_token::{Claims, KeySet, Secret, ShortSecret, TokenError};

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

impl TokenOptions {
    /// The keys that sign and verify under a system configuration. `JWTSecret`, when it is set, signs; what
    /// was signed before it was set stays good.
    ///
    /// # Errors
    /// [`ShortSecret`]: `JWTSecret` is shorter than this server accepts.
    pub fn key_set(&self, config: &SystemConfig) -> Result<KeySet, ShortSecret> {
        let own = self.clone();
        let Some(text) = &config.token_secret else {
            return Ok(KeySet::new(own.current, own.previous));
        };
        let bytes = text.as_bytes();
        let secret = if own.allow_short_secret { Secret::short_allowed(bytes) } else { Secret::new(bytes) }?;
        Ok(KeySet::new(secret, std::iter::once(own.current).chain(own.previous)))
    }
}
