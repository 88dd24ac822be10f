//! `GET /openapi.json`, and `GET /docs` for people: both made of one document.

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use http::{HeaderMap, HeaderValue};

use crate::app::App;
use crate::error::ApiError;
use crate::openapi::Reference;
use crate::response::{Answer, JSON, revalidated_by_all};
use crate::shelf::Rendered;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
/// Nothing but the page's own style; no script, no frame around it, no address of anybody else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

pub(crate) fn document(app: &App, headers: &HeaderMap) -> Result<Answer, ApiError> {
    Ok(reference(app)?.document.respond(headers, JSON))
}

pub(crate) fn page(app: &App, headers: &HeaderMap) -> Result<Answer, ApiError> {
    Ok(guarded(reference(app)?.page.respond(headers, HTML)))
}

pub(crate) fn style(headers: &HeaderMap) -> Answer {
    let style = Bytes::from_static(include_bytes!("../openapi/page/style.css"));
    guarded(revalidated_by_all(headers, &Rendered::new(style), CSS))
}

fn reference(app: &App) -> Result<&Reference, ApiError> {
    if let Some(reference) = app.reference.get() {
        return Ok(reference);
    }
    let made = Reference::new(&app.ctx.rules)?;
    Ok(app.reference.get_or_init(|| made))
}

fn guarded(mut answer: Answer) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}
