//! `/users/:userId`: one user, for administrators, and what became of its deletion.

use appmixer_core::{
    Email, Metadata, Password, Plan, Scope, Scopes, Text, User, UserChange, UserId, Username, Vendor,
    WriteError, change_user, choose_password, delete_user, sign_out_everywhere,
};
use http::HeaderMap;

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::head::Head;
use crate::queue_keys::Account;
use crate::response::{Answer, private_json};
use crate::views::{AdministeredUser, Done, Included, StatusView, TicketView};

pub(crate) async fn get(app: &App, head: &Head<'_>, id: &str) -> Result<Answer, ApiError> {
    app.require(head.headers, &Scope::admin()).await?;
    let id = parse(id)?;
    let mut query = head.query()?;
    let included = query.one("include", Included::parse);
    query.finish()?;
    let user = find(app, id).await?;
    private_json(&AdministeredUser::with(&user, included.unwrap_or_default()))
}

pub(crate) async fn put(
    app: &App,
    head: &Head<'_>,
    id: &str,
    body: &mut RequestBody,
) -> Result<Answer, ApiError> {
    let session = app.require(head.headers, &Scope::admin()).await?;
    let id = parse(id)?;
    let (mut change, password) = read(body.fields(head.headers, Accepts::Json).await?)?;
    if let Some(scopes) = change.scopes.as_ref().filter(|scopes| scopes.has_reserved()) {
        let present = find(app, id).await?.scopes;
        scopes.check_added_to(&present).map_err(|error| ApiError::invalid_one("scope", &error))?;
    }
    if let Some(password) = password {
        // An unknown user costs no hash.
        let user = find(app, id).await?;
        let key = app.limits.queue_key(head, &Account::Caller(session.caller.user.id));
        change.password_hash = Some(choose_password(&app.ctx, password, &user.names, key).await?);
    }
    if change.is_empty() {
        return private_json(&AdministeredUser::of(&find(app, id).await?));
    }
    if change.has_questionable_name()
        && let Some((member, reason)) = change.refused_name(&find(app, id).await?)
    {
        return Err(ApiError::invalid_one(member, &reason));
    }
    let settings = app.settings().await?;
    let origin = head.origin(Some(&session.caller));
    let user = change_user(&app.ctx, &settings.config, &origin, id, change).await?;
    private_json(&AdministeredUser::of(&user))
}

pub(crate) async fn delete(app: &App, head: &Head<'_>, id: &str) -> Result<Answer, ApiError> {
    let session = app.require(head.headers, &Scope::admin()).await?;
    let settings = app.settings().await?;
    let origin = head.origin(Some(&session.caller));
    let ticket = delete_user(&app.ctx, &settings.config, &origin, parse(id)?).await?;
    private_json(&TicketView { ticket })
}

pub(crate) async fn sign_out(app: &App, head: &Head<'_>, id: &str) -> Result<Answer, ApiError> {
    let session = app.require(head.headers, &Scope::admin()).await?;
    sign_out_everywhere(&app.ctx, &head.origin(Some(&session.caller)), parse(id)?).await?;
    private_json(&Done {})
}

/// A deletion is one transaction: a ticket that was handed out is one for what is done.
pub(crate) async fn deletion(
    app: &App,
    headers: &HeaderMap,
    id: &str,
    ticket: &str,
) -> Result<Answer, ApiError> {
    app.require(headers, &Scope::admin()).await?;
    let id = parse(id)?;
    let ticket = ticket.parse().map_err(|error| ApiError::invalid_one("ticket", &error))?;
    if app.ctx.store.was_deleted(id, ticket, app.ctx.clock.now()).await? {
        private_json(&StatusView { status: "completed" })
    } else {
        Err(ApiError::not_found("There is no such ticket"))
    }
}

async fn find(app: &App, id: UserId) -> Result<User, ApiError> {
    app.ctx.store.find_by_id(id).await?.ok_or_else(|| WriteError::NotFound.into())
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
