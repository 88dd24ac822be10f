//! `GET /user`, `POST /user` and `PUT /user`.

use appmixer_core::{
    Email, Metadata, Names, Password, Plan, Privileges, Scopes, SignUp, UserChange, Username, Vendor,
    change_user, may_sign_up, sign_up,
};
use appmixer_limits::Limit;
use http::HeaderMap;

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::caller::AuthenticationError;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::head::Head;
use crate::queue_keys::Account;
use crate::response::{Answer, private, private_json};
use crate::views::{SignUpView, UserView};

pub(crate) async fn get(app: &App, headers: &HeaderMap) -> Result<Answer, ApiError> {
    match app.authenticate(headers).await {
        Ok(Some(session)) => Ok(private(session.rendered.clone())),
        Ok(None) => Err(ApiError::token_missing()),
        // The npm CLI tells a user who is gone from a token that is bad by this status.
        Err(AuthenticationError::UserGone) => Err(ApiError::not_found("User not found")),
        Err(AuthenticationError::Api(error)) => Err(error),
    }
}

pub(crate) async fn post(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let session = app.authenticate(head.headers).await?;
    let caller = session.as_ref().map(|session| &session.caller);
    let settings = app.settings().await?;
    may_sign_up(&settings.config, caller)?;

    let new = read_sign_up(body.fields(head.headers, Accepts::JsonOrForm).await?)?;
    // Where only some may make users, they may make many.
    let trusted = caller.filter(|caller| caller.is_admin() || settings.config.user_create_scopes.is_some());
    let visit = app.limits.visit_of(trusted, Limit::SignUp, head);
    let made = async {
        visit.may_go_on()?;
        visit.count();
        let key = app.limits.queue_key(head, &Account::of(caller, new.names.username.as_login()));
        let made = sign_up(&app.ctx, &settings.config, caller, &head.origin(caller), new, key).await?;
        visit.signed_up(&made.user.names);
        let token = match &made.grant {
            Some(grant) => Some(app.issue(grant).await?),
            None => None,
        };
        private_json(&SignUpView { token: token.as_deref(), user: UserView::of(&made.user) })
    };
    visit.told(made.await)
}

pub(crate) async fn put(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let session = app.signed_in(head.headers).await?;
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let metadata = fields.object("metadata", Metadata::new);
    fields.finish_optional()?;

    let change = UserChange { metadata, ..UserChange::default() };
    if change.is_empty() {
        return Ok(private(session.rendered.clone()));
    }
    let origin = head.origin(Some(&session.caller));
    let settings = app.settings().await?;
    let user = change_user(&app.ctx, &settings.config, &origin, session.caller.user.id, change).await?;
    private_json(&UserView::of(&user))
}

fn read_sign_up(mut fields: Fields) -> Result<SignUp, ApiError> {
    let username = fields.text("username", |text| Username::parse_new(&text));
    let email = fields.text("email", |text| Email::parse_new(&text));
    let password = fields.text("password", Password::new);
    let metadata = fields.object("metadata", Metadata::new);
    let privileges = Privileges {
        scopes: fields.texts("scope", Scopes::parse_new),
        plan: fields.text("plan", |text| Plan::parse(&text)),
        vendor: fields.text_or_texts("vendor", Vendor::parse),
        is_active: fields.boolean("isActive"),
    };
    let names = ("username", Names::new(username, email));
    let (names, password) = fields.finish2(names, ("password", password))?;
    Ok(SignUp { names, password, metadata, privileges })
}
