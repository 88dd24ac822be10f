//! `POST /user/auth`.

use appmixer_core::{LoginName, Password, sign_in};
use appmixer_limits::Limit;

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::error::ApiError;
use crate::head::Head;
use crate::metrics;
use crate::queue_keys::Account;
use crate::response::{Answer, private_json};
use crate::views::SignInView;

pub(crate) async fn post(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let mut fields = body.fields(head.headers, Accepts::JsonOrForm).await?;
    let username = fields.text("username", |text| LoginName::parse(&text));
    let email = fields.text("email", |text| LoginName::parse(&text));
    let password = fields.text("password", Password::new);
    let (name, password) = fields.finish2(("username", username.or(email)), ("password", password))?;

    let (visit, origin) = (app.limits.visit(Limit::SignIn, head), head.origin(None));
    let signed_in = async {
        let key = app.limits.queue_key(head, &Account::Name(&name));
        let mut attempt = visit.begin(&name).map_err(|refusal| refusal.noted(&app.ctx, &origin))?;
        let session = sign_in(&app.ctx, &origin, &name, password, key, &mut attempt).await;
        metrics::sign_in(&session);
        let session = session?;
        let token = app.issue(&session.grant).await?;
        private_json(&SignInView::of(&session.user, &token))
    };
    visit.told(signed_in.await)
}
