//! Answers: JSON bodies and the headers that go with them.

use bytes::Bytes;
use http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::answer_body::AnswerBody;
use crate::error::ApiError;
use crate::etag;
use crate::shelf::Rendered;
use crate::views::ErrorView;

/// What every route answers with.
pub(crate) type Answer = Response<AnswerBody>;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// 200 with JSON that no cache may keep: a token, personal data, a state of the server.
pub(crate) fn private_json(value: &impl Serialize) -> Result<Answer, ApiError> {
    Ok(private(render(value)?))
}

/// 200 with personal data that was rendered before.
pub(crate) fn private(body: Bytes) -> Answer {
    let mut answer = rendered(body);
    answer.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    answer
}

/// 200 with JSON that a client may keep if it asks each time whether it still holds; 304 if it does.
pub(crate) fn revalidated(request: &HeaderMap, rendered: &Rendered) -> Answer {
    let mut answer = conditional(request, rendered, JSON, HeaderValue::from_static("private, no-cache"));
    // Two people at one browser share its cache.
    answer.headers_mut().insert(VARY, AUTHORIZATION.into());
    answer
}

/// The same for whatever is no secret, for caches that many share.
pub(crate) fn revalidated_by_all(
    request: &HeaderMap,
    rendered: &Rendered,
    content_type: HeaderValue,
) -> Answer {
    conditional(request, rendered, content_type, HeaderValue::from_static("public, no-cache"))
}

/// The same for what a cache may answer with by itself for so many seconds.
pub(crate) fn kept_by_all(
    request: &HeaderMap,
    rendered: &Rendered,
    content_type: HeaderValue,
    seconds: u64,
) -> Answer {
    let mut answer = revalidated_by_all(request, rendered, content_type);
    if let Ok(value) = HeaderValue::from_str(&format!("public, max-age={seconds}")) {
        answer.headers_mut().insert(CACHE_CONTROL, value);
    }
    answer
}

fn conditional(
    request: &HeaderMap,
    rendered: &Rendered,
    content_type: HeaderValue,
    cache_control: HeaderValue,
) -> Answer {
    let mut answer = Answer::default();
    if etag::is_known(request, &rendered.tag) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *answer.body_mut() = rendered.body.clone().into();
        answer.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    let headers = answer.headers_mut();
    headers.insert(ETAG, rendered.tag.clone());
    headers.insert(CACHE_CONTROL, cache_control);
    answer
}

/// Compact JSON.
pub(crate) fn render(value: &impl Serialize) -> Result<Bytes, ApiError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| ApiError::internal(&error))
}

/// Nothing but headers, of which there will be so many, for nobody to keep.
pub(crate) fn private_nothing(status: StatusCode, room: usize) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    *answer.headers_mut() = HeaderMap::with_capacity(room);
    answer.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    answer
}

/// 204 without a body.
pub(crate) fn no_content() -> Answer {
    let mut answer = Response::new(AnswerBody::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

fn rendered(body: Bytes) -> Answer {
    let mut answer = Response::new(body.into());
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}

pub(crate) fn error(error: &ApiError) -> Answer {
    // Texts and numbers alone: there is nothing in it that could fail to serialise.
    let mut answer = rendered(serde_json::to_vec(&ErrorView::of(error)).unwrap_or_default().into());
    *answer.status_mut() = error.status;
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, NO_STORE);
    if let Some(challenge) = error.challenge {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge.as_str()));
    }
    if let Some(seconds) = error.retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if let Some(rate) = &error.rate {
        rate.write(headers);
    }
    if let Some(methods) = error.allow {
        headers.insert(ALLOW, HeaderValue::from_static(methods));
    }
    answer
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn body_of(answer: Answer) -> String {
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn errors_have_the_contracts_shape_in_its_order() {
        let answer = error(&ApiError::forbidden("No"));
        assert_eq!(body_of(answer).await, r#"{"statusCode":403,"error":"Forbidden","message":"No"}"#);
        let answer = error(&ApiError::invalid_one("password", &"is required"));
        assert_eq!(
            body_of(answer).await,
            r#"{"statusCode":400,"error":"Bad Request","message":"\"password\" is required","details":[{"path":"password","message":"is required"}]}"#
        );
    }

    #[tokio::test]
    async fn what_broke_inside_stays_inside() {
        let answer = error(&ApiError::internal(&"disk /dev/sda on fire"));
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!body_of(answer).await.contains("sda"));
    }
}
