//! `POST /user/auth`.

use appmixer_core::{LoginName, Password, SignInError, sign_in};
use appmixer_limits::Limit;

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::error::ApiError;
use crate::head::Head;
use crate::limits::Visit;
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

    let visit = app.limits.visit(Limit::SignIn, head);
    visit.told(attempt(app, head, &visit, &name, password).await)
}

async fn attempt(
    app: &App,
    head: &Head<'_>,
    visit: &Visit<'_>,
    name: &LoginName,
    password: Password,
) -> Result<Answer, ApiError> {
    let origin = head.origin(None);
    visit.may_try(name).map_err(|refusal| refusal.noted(&app.ctx, &origin))?;
    let session = sign_in(&app.ctx, &origin, name, password).await;
    metrics::sign_in(&session);
    if matches!(session, Err(SignInError::BadCredentials)) {
        visit.wrong_password(name);
    }
    let session = session?;
    visit.is_owner(&session.user.names);
    let token = app.settings().await?.keys.issue(&claims_of(&session.grant))?;
    private_json(&SignInView::of(&session.user, &token))
}
