//! `/console`: its page, and the session that the page works with.

use appmixer_console::{Asset, VERSION};
use appmixer_core::{
    Caller, LoginName, Names, Password, Scope, Session, Timestamp, User, Username, set_up as make_first,
    sign_in_administrator,
};
use appmixer_limits::Limit;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::console::{Console, as_bearer, cookie, same_origin};
use crate::content_coding::{encoded, prefers_gzip};
use crate::error::ApiError;
use crate::head::Head;
use crate::limits::Visit;
use crate::metrics;
use crate::queue_keys::Account;
use crate::response::{Answer, private_json};
use crate::shelf::Rendered;
use crate::views::{Done, UserView};

/// What is asked for by its version is another thing under another one.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What the page works with.
#[derive(Serialize)]
struct SessionView<'a> {
    user: UserView<'a>,
    csrf: &'a str,
    expires: Timestamp,
}

pub(crate) fn page(headers: &HeaderMap) -> Answer {
    file(headers, appmixer_console::page())
}

pub(crate) fn asset(head: &Head<'_>, name: &str) -> Result<Answer, ApiError> {
    let asset = appmixer_console::find(name).ok_or_else(|| ApiError::not_found("Not Found"))?;
    let mut answer = file(head.headers, asset);
    if head.query.strip_prefix("v=") == Some(VERSION) {
        answer.headers_mut().insert(CACHE_CONTROL, FOR_EVER);
    }
    Ok(answer)
}

fn file(headers: &HeaderMap, asset: &'static Asset) -> Answer {
    let is_gzip = prefers_gzip(headers);
    let body = if is_gzip { Bytes::from_static(asset.gzip) } else { Bytes::from_static(asset.plain()) };
    encoded(headers, &Rendered::new(body), HeaderValue::from_static(asset.media_type), is_gzip)
}

/// Who is signed in.
pub(crate) async fn session(app: &App, head: &Head<'_>) -> Result<Answer, ApiError> {
    let console = console_of(app)?;
    same_origin::refuse_others(console, head)?;
    let token = cookie::read(head.headers, console.is_secure(head))?.ok_or_else(ApiError::token_missing)?;
    let headers = HeaderMap::from_iter([(AUTHORIZATION, as_bearer(token)?)]);
    let session = app.signed_in(&headers).await?;
    if !is_good(&session.caller) {
        return Err(ApiError::invalid_token("The session is no administrator's any more"));
    }
    let expires = Timestamp::from_seconds(session.expires_at);
    private_json(&view(&session.caller.user, &console.csrf(token)?, expires))
}

fn is_good(caller: &Caller) -> bool {
    caller.require(&Scope::admin()).is_ok()
}

fn view<'a>(user: &'a User, csrf: &'a str, expires: Timestamp) -> SessionView<'a> {
    SessionView { user: UserView::of(user), csrf, expires }
}

pub(crate) async fn sign_in(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let console = console_of(app)?;
    same_origin::require_own(console, head)?;
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let username = fields.text("username", |text| LoginName::parse(&text));
    let password = fields.text("password", Password::new);
    let (name, password) = fields.finish2(("username", username), ("password", password))?;

    let (visit, origin) = (app.limits.visit(Limit::SignIn, head), head.origin(None));
    let signed_in = async {
        let key = app.limits.queue_key(head, &Account::Name(&name));
        let mut attempt = visit.begin(&name).map_err(|refusal| refusal.noted(&app.ctx, &origin))?;
        let (ctx, lifetime) = (&app.ctx, console.session);
        let work = sign_in_administrator(ctx, &origin, &name, password, key, &mut attempt, lifetime);
        let session = work.await;
        metrics::sign_in(&session);
        let session = session?;
        let_in(app, console, head, &session).await
    };
    visit.told(signed_in.await)
}

/// Answers with the session's cookie.
async fn let_in(
    app: &App,
    console: &Console,
    head: &Head<'_>,
    session: &Session,
) -> Result<Answer, ApiError> {
    let token = app.issue(&session.grant).await?;
    let mut answer = private_json(&view(&session.user, &console.csrf(&token)?, session.grant.expires_at))?;
    let cookie = cookie::set(&token, console.session, console.is_secure(head))?;
    answer.headers_mut().insert(SET_COOKIE, cookie);
    Ok(answer)
}

/// The browser forgets the session. Its token is nobody else's; to end it everywhere there is
/// `POST /user/sign-out-everywhere`.
pub(crate) fn sign_out(app: &App, head: &Head<'_>) -> Result<Answer, ApiError> {
    let console = console_of(app)?;
    same_origin::refuse_others(console, head)?;
    if let Some(token) = cookie::read(head.headers, console.is_secure(head))? {
        console.check_csrf(head.headers, token)?;
    }
    let mut answer = private_json(&Done {})?;
    answer.headers_mut().insert(SET_COOKIE, cookie::clear(console.is_secure(head))?);
    Ok(answer)
}

pub(crate) async fn set_up(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let console = console_of(app)?;
    same_origin::require_own(console, head)?;
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let code = fields.text("code", Ok::<_, String>);
    let username = fields.text("username", |text| Username::parse_new(&text));
    let password = fields.text("password", Password::new);
    let names = ("username", Names::new(username, None));
    let (code, names, password) = fields.finish3(("code", code), names, ("password", password))?;

    let visit = app.limits.visit(Limit::SignIn, head);
    visit.told(first_administrator(app, console, head, &visit, &code, names, password).await)
}

async fn first_administrator(
    app: &App,
    console: &Console,
    head: &Head<'_>,
    visit: &Visit<'_>,
    code: &str,
    names: Names,
    password: Password,
) -> Result<Answer, ApiError> {
    visit.may_go_on()?;
    if !console.is_set_up_code(code, app.ctx.clock.now()) {
        visit.count();
        return Err(ApiError::forbidden("The set-up link is not good: too old, or not of this server"));
    }
    let settings = app.settings().await?;
    let origin = head.origin(None);
    let key = app.limits.queue_key(head, &Account::Name(names.username.as_login()));
    let made = make_first(&app.ctx, &settings.config, &origin, names, password, key, console.session);
    let session = made.await?;
    visit.signed_up(&session.user.names);
    let_in(app, console, head, &session).await
}

/// Without it, no path leads here.
fn console_of(app: &App) -> Result<&Console, ApiError> {
    app.console.as_ref().ok_or_else(|| ApiError::not_found("Not Found"))
}
