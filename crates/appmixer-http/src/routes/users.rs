//! `/users/:userId`: one user, for administrators.

use appmixer_core::{
    Email, Metadata, Password, Plan, Scope, Scopes, Text, UserChange, UserId, Username, Vendor,
    choose_password,
};
use http::HeaderMap;

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::response::{Answer, private_json};
use crate::views::AdministeredUser;

pub(crate) async fn get(app: &App, headers: &HeaderMap, id: &str) -> Result<Answer, ApiError> {
    app.require(headers, &Scope::admin()).await?;
    let user = app.ctx.store.find_by_id(parse(id)?).await?;
    let user = user.ok_or_else(|| ApiError::not_found("User not found"))?;
    private_json(&AdministeredUser::of(&user))
}

pub(crate) async fn put(
    app: &App,
    headers: &HeaderMap,
    id: &str,
    body: &mut RequestBody,
) -> Result<Answer, ApiError> {
    app.require(headers, &Scope::admin()).await?;
    let id = parse(id)?;
    let (mut change, password) = read(body.fields(headers, Accepts::Json).await?)?;
    if let Some(password) = password {
        // An unknown user costs no hash.
        if app.ctx.store.find_by_id(id).await?.is_none() {
            return Err(ApiError::not_found("User not found"));
        }
        change.password_hash = Some(choose_password(&app.ctx, password).await?);
    }
    if change.is_empty() {
        return get(app, headers, &id.to_string()).await;
    }
    let user = app.ctx.store.update(id, change, app.ctx.clock.now()).await?;
    private_json(&AdministeredUser::of(&user))
}

fn parse(id: &str) -> Result<UserId, ApiError> {
    id.parse().map_err(|error| ApiError::invalid_one("userId", &error))
}

fn read(mut fields: Fields) -> Result<(UserChange, Option<Password>), ApiError> {
    // `null` means absent, but for the one member that may be null.
    let clears_vendor = fields.is_null("vendor");
    let change = UserChange {
        username: fields.text("username", |text| Username::parse(&text)),
        email: fields.text("email", |text| Email::parse(&text)),
        scopes: fields.texts("scope", Scopes::parse),
        plan: fields.text("plan", |text| Plan::parse(&text)),
        vendor: fields.text_or_texts("vendor", Vendor::parse).or(clears_vendor.then_some(Vendor::NONE)),
        is_active: fields.boolean("isActive"),
        metadata: fields.object("metadata", Metadata::new),
        allowed_private_components: fields.texts("allowedPrivateComponents", Text::parse_list),
        ..UserChange::default()
    };
    let password = fields.text("password", Password::new);
    fields.finish_optional()?;
    Ok((change, password))
}
