//! `GET /.well-known/jwks.json`: the public keys that verify tokens, or soon will.

use http::{HeaderMap, HeaderValue};

use crate::app::App;
use crate::error::ApiError;
use crate::response::{Answer, kept_by_all};
use crate::shelf::Rendered;

/// How long whoever has the set need not ask again, in seconds. A key that other services have to see first must be
/// published for longer than this before it signs.
pub const JWKS_MAX_AGE_SECONDS: u64 = 300;

/// RFC 7517 section 8.5.2.
const JWK_SET: HeaderValue = HeaderValue::from_static("application/jwk-set+json");

pub(crate) async fn get(app: &App, headers: &HeaderMap) -> Result<Answer, ApiError> {
    let now = app.ctx.clock.now().seconds();
    let set = app.settings().await?.keys.jwks(now).to_json();
    Ok(kept_by_all(headers, &Rendered::new(set.into()), JWK_SET, JWKS_MAX_AGE_SECONDS))
}
