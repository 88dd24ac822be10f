//! `POST /user/change-password`, `/user/sign-out-everywhere`, `/user/reset-password` and
//! `/user/forgot-password`.

use appmixer_core::{
    ChangePasswordError, LoginName, Password, ResetCode, Scope, change_password, forgot_password,
    redeem_reset_code, reset_password, sign_out_everywhere,
};

use appmixer_limits::Limit;

use crate::app::App;
use crate::attempts::OpenAttempt;
use crate::body::{Accepts, RequestBody};
use crate::error::ApiError;
use crate::head::Head;
use crate::queue_keys::Account;
use crate::response::{Answer, private_json};
use crate::views::{Done, TokenView};

pub(crate) async fn change(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let session = app.signed_in(head.headers).await?;
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let old = fields.text("oldPassword", Password::new);
    let new = fields.text("newPassword", Password::new);
    let (old, new) = fields.finish2(("oldPassword", old), ("newPassword", new))?;

    let caller = &session.caller;
    let visit = app.limits.visit(Limit::ChangePassword, head);
    let changed = async {
        // A token is no password: who has stolen one guesses like anybody else, at the same account.
        let account = caller.user.names.username.as_login();
        let mut attempt = visit.begin(account)?;
        let key = app.limits.queue_key(head, &Account::Caller(caller.user.id));
        let origin = head.origin(Some(caller));
        let changed = change_password(&app.ctx, caller, &origin, old, new, key, &mut attempt).await;
        let session = changed.map_err(|error| refusal("newPassword", error))?;
        let token = app.issue(&session.grant).await?;
        private_json(&TokenView { token: &token })
    };
    visit.told(changed.await)
}

pub(crate) async fn sign_out(app: &App, head: &Head<'_>) -> Result<Answer, ApiError> {
    let session = app.signed_in_to_sign_out(head.headers).await?;
    let caller = &session.caller;
    sign_out_everywhere(&app.ctx, &head.origin(Some(caller)), caller.user.id).await?;
    private_json(&Done {})
}

pub(crate) async fn reset(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let session = app.require(head.headers, &Scope::admin()).await?;
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let username = fields.text("username", |text| LoginName::parse(&text));
    let email = fields.text("email", |text| LoginName::parse(&text));
    let password = fields.text("password", Password::new);
    let (name, password) = fields.finish2(("username", username.or(email)), ("password", password))?;

    let origin = head.origin(Some(&session.caller));
    let key = app.limits.queue_key(head, &Account::Caller(session.caller.user.id));
    let reset = reset_password(&app.ctx, &origin, &name, password, key).await;
    reset.map_err(|error| refusal("password", error))?;
    private_json(&Done {})
}

pub(crate) async fn forgot(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let name = fields.text("email", |text| LoginName::parse(&text));
    let name = fields.finish("email", name)?;

    let visit = app.limits.visit(Limit::ForgotPassword, head);
    let asked = async {
        visit.may_ask_for_code(&name)?;
        let settings = app.settings().await?;
        forgot_password(&app.ctx, &settings.config, &head.origin(None), name).await?;
        private_json(&Done {})
    };
    visit.told(asked.await)
}

pub(crate) async fn redeem(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let code = fields.text("code", ResetCode::parse);
    let password = fields.text("password", Password::new);
    let (code, password) = fields.finish2(("code", code), ("password", password))?;

    let visit = app.limits.visit(Limit::RedeemCode, head);
    let redeemed = async {
        visit.may_go_on()?;
        let key = app.limits.queue_key(head, &Account::Code(code.as_str()));
        let mut attempt = OpenAttempt::of_code(&visit);
        redeem_reset_code(&app.ctx, &head.origin(None), &code, password, key, &mut attempt).await?;
        private_json(&Done {})
    };
    visit.told(redeemed.await)
}

/// Names the member that held the new password.
fn refusal(member: &'static str, error: ChangePasswordError) -> ApiError {
    match error {
        ChangePasswordError::Refused(error) => ApiError::invalid_one(member, &error),
        other => other.into(),
    }
}
