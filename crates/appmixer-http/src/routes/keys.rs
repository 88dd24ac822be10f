//! `/keys`: the keys that sign tokens, for administrators.

use appmixer_core::{KeyId, Retired, Scope, Timestamp};
use appmixer_token::Algorithm;
use http::{HeaderMap, StatusCode};

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::error::ApiError;
use crate::head::Head;
use crate::keys::{Rotation, end_key, rotate_key};
use crate::response::{Answer, private_json};
use crate::views::{KeyView, Removed, RotatedView};

pub(crate) const UNKNOWN_ALGORITHM: &str = "must be HS256, EdDSA or ES256";
pub(crate) const NO_SUCH_KEY: &str = "There is no such key";
pub(crate) const SIGNS: &str = "The key signs: another one has to take its place first";

pub(crate) async fn list(app: &App, headers: &HeaderMap) -> Result<Answer, ApiError> {
    app.require(headers, &Scope::admin()).await?;
    let kept = app.ctx.store.signing_keys().await?;
    let settings = app.settings().await?;
    let keys = app.tokens().list(&kept, &settings.config, app.ctx.clock.now());
    private_json(&keys.iter().map(KeyView::of).collect::<Vec<_>>())
}

pub(crate) async fn rotate(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let session = app.require(head.headers, &Scope::admin()).await?;
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let algorithm = fields.text("algorithm", |name| Algorithm::parse(&name).ok_or(UNKNOWN_ALGORITHM));
    let activates = fields.text("activates", |text| Timestamp::parse(&text));
    fields.finish_optional()?;

    let rotation = Rotation { algorithm, activates, overlap: None };
    let origin = head.origin(Some(&session.caller));
    private_json(&RotatedView::of(&rotate_key(&app.ctx, app.tokens(), &origin, rotation).await?))
}

pub(crate) async fn retire(app: &App, head: &Head<'_>, id: &str) -> Result<Answer, ApiError> {
    let session = app.require(head.headers, &Scope::admin()).await?;
    let id = KeyId::parse(id).map_err(|error| ApiError::invalid_one("id", &error))?;
    match end_key(&app.ctx, app.tokens(), &head.origin(Some(&session.caller)), id).await? {
        Retired::Done => private_json(&Removed { ok: true }),
        Retired::NotFound => Err(ApiError::not_found(NO_SUCH_KEY)),
        Retired::Signs => Err(ApiError::new(StatusCode::CONFLICT, SIGNS)),
    }
}
