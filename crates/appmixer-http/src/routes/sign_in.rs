//! `POST /user/auth`.

use appmixer_core::{LoginName, Password, sign_in};

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::error::ApiError;
use crate::head::Head;
use crate::metrics;
use crate::response::{Answer, private_json};
use crate::tokens::claims_of;
use crate::views::SignInView;

pub(crate) async fn post(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let mut fields = body.fields(head.headers, Accepts::JsonOrForm).await?;
    let username = fields.text("username", |text| LoginName::parse(&text));
    let email = fields.text("email", |text| LoginName::parse(&text));
    let password = fields.text("password", Password::new);
    let (name, password) = fields.finish2(("username", username.or(email)), ("password", password))?;

    let session = sign_in(&app.ctx, &head.origin(None), &name, password).await;
    metrics::sign_in(&session);
    let session = session?;
    let token = app.settings().await?.keys.issue(&claims_of(&session.grant))?;
    private_json(&SignInView::of(&session.user, &token))
}
