//! `POST /user/confirm` and `/user/confirm/resend`.

use std::convert::Infallible;

use appmixer_core::{LoginName, Password, ResetCode, confirm, resend_confirmation};
use appmixer_limits::Limit;

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::error::ApiError;
use crate::head::Head;
use crate::queue_keys::Account;
use crate::response::{Answer, private_json};
use crate::views::Done;

pub(crate) async fn post(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let code = fields.text("code", Ok::<_, Infallible>);
    let password = fields.text("password", Password::new);
    let (code, password) = fields.finish2(("code", code), ("password", password))?;

    let (visit, origin) = (app.limits.visit(Limit::SignIn, head), head.origin(None));
    let confirmed = async {
        // Passwords are guessed at the code as at a name.
        let mut attempt = visit.begin_with_code(&code).map_err(|refusal| refusal.noted(&app.ctx, &origin))?;
        // What cannot be a code is a wrong one: the answer is the same.
        let key = app.limits.queue_key(head, &Account::Code(&code));
        let parsed = ResetCode::parse(code.clone()).ok();
        confirm(&app.ctx, &origin, parsed.as_ref(), password, key, &mut attempt).await?;
        private_json(&Done {})
    };
    visit.told(confirmed.await)
}

pub(crate) async fn again(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let email = fields.text("email", |text| LoginName::parse(&text));
    let name = fields.finish("email", email)?;

    let visit = app.limits.visit(Limit::ForgotPassword, head);
    let asked = async {
        visit.may_ask_for_code(&name)?;
        let settings = app.settings().await?;
        resend_confirmation(&app.ctx, &settings.config, &head.origin(None), name).await?;
        private_json(&Done {})
    };
    visit.told(asked.await)
}
