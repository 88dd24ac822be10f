//! Reads request bodies: bounded in size and time, JSON or form.

use std::time::Duration;

use appmixer_gateway::{ClientBody as Incoming, Upload};
use bytes::{Buf as _, Bytes};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, SizeHint};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::body_room::{BodyRoom, RoomyBody};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::json;

/// What is read and thrown away, at most, behind an answer that came before the body's end. A client that
/// is still sending would otherwise see its connection reset and never read the answer.
const DRAIN_BYTES: usize = 4 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// The body of one request.
pub(crate) struct RequestBody {
    /// `None` where there is nothing to come, as with most requests.
    incoming: Option<Incoming>,
    /// `None` there too: to count its owners would cost every request of every core.
    room: Option<BodyRoom>,
    /// What `Content-Length` says.
    length: SizeHint,
    limit: usize,
    time: Duration,
}

/// The kinds of body that a route takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepts {
    Json,
    JsonOrForm,
}

impl Accepts {
    /// The answer to any other kind.
    pub(crate) fn refusal(self) -> ApiError {
        let message = match self {
            Self::Json => "Content-Type must be application/json",
            Self::JsonOrForm => "Content-Type must be application/json or application/x-www-form-urlencoded",
        };
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }
}

#[derive(Clone, Copy)]
enum MediaType {
    Json,
    Form,
}

impl RequestBody {
    pub(crate) fn new<B>(body: B, limit: usize, time: Duration, room: &BodyRoom) -> Self
    where
        B: hyper::body::Body + Send + 'static,
        B::Data: Send,
    {
        // Asked before the body is wrapped: the wrapper does not know.
        let length = body.size_hint();
        let incoming = (!body.is_end_stream()).then(|| erase(body));
        let room = incoming.is_some().then(|| room.clone());
        Self { incoming, room, length, limit, time }
    }

    /// The members of the object that the body holds.
    pub(crate) async fn fields(&mut self, headers: &HeaderMap, accepts: Accepts) -> Result<Fields, ApiError> {
        let object = match self.there(headers, accepts).await? {
            (MediaType::Json, body) => object_of_json(body.bytes())?,
            (MediaType::Form, body) => object_of_form(body.bytes())?,
        };
        Ok(Fields::new(object))
    }

    /// The elements of the JSON array that the body is.
    pub(crate) async fn array(&mut self, headers: &HeaderMap) -> Result<Vec<Value>, ApiError> {
        let (_, body) = self.there(headers, Accepts::Json).await?;
        match value_of_json(body.bytes())? {
            Value::Array(values) => Ok(values),
            _ => Err(ApiError::bad_request("The request body must be a JSON array")),
        }
    }

    /// The bytes of a body that must be there, and what they are.
    async fn there(
        &mut self,
        headers: &HeaderMap,
        accepts: Accepts,
    ) -> Result<(MediaType, RoomyBody), ApiError> {
        if self.incoming.is_none() {
            return Err(ApiError::body_required());
        }
        let media_type = media_type(headers, accepts)?;
        let body = self.read().await?;
        if body.bytes().is_empty() { Err(ApiError::body_required()) } else { Ok((media_type, body)) }
    }

    async fn read(&mut self) -> Result<RoomyBody, ApiError> {
        // A length that is announced is refused before a byte is read.
        if self.length.lower() > self.limit as u64 {
            return Err(ApiError::body_too_large(self.limit));
        }
        let (Some(incoming), Some(room)) = (&mut self.incoming, &self.room) else {
            return Err(ApiError::body_required());
        };
        let read = timeout(self.time, collect(incoming, self.limit, room)).await;
        read.map_err(|_| ApiError::body_late())?.map_err(|error| match error {
            ReadError::TooLarge => ApiError::body_too_large(self.limit),
            ReadError::NoRoom => ApiError::too_many_bodies(),
            ReadError::Broken => ApiError::body_broken(),
        })
    }

    /// The body for somebody else to read, at this rate at least. Nothing of it is left here.
    pub(crate) fn take_upload(&mut self, min_rate: u64) -> Option<Upload> {
        let body = self.incoming.take()?;
        let leftover = |body| drop(tokio::spawn(drain(body)));
        Some(Upload { body, length: self.length.exact(), patience: self.time, min_rate, leftover })
    }

    /// Whether the client may still be sending.
    pub(crate) fn is_unread(&self) -> bool {
        self.incoming.as_ref().is_some_and(|incoming| !incoming.is_end_stream())
    }

    /// Takes in and forgets what is still coming, within bounds.
    pub(crate) async fn drain(self) {
        if let Some(incoming) = self.incoming {
            drain(incoming).await;
        }
    }
}

async fn drain(mut incoming: Incoming) {
    let _ = timeout(DRAIN_TIME, async {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(frame)) = incoming.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    })
    .await;
}

enum ReadError {
    TooLarge,
    NoRoom,
    Broken,
}

async fn collect(incoming: &mut Incoming, limit: usize, room: &BodyRoom) -> Result<RoomyBody, ReadError> {
    let mut body = RoomyBody::new();
    while let Some(frame) = incoming.frame().await {
        // Trailers have nothing to say to us.
        let Ok(data) = frame.map_err(|()| ReadError::Broken)?.into_data() else {
            continue;
        };
        if body.bytes().len() + data.len() > limit {
            return Err(ReadError::TooLarge);
        }
        body.push(&data, room).map_err(|_| ReadError::NoRoom)?;
    }
    Ok(body)
}

fn media_type(headers: &HeaderMap, accepts: Accepts) -> Result<MediaType, ApiError> {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let is = |wanted: &str| essence.trim().eq_ignore_ascii_case(wanted);
    if is_utf8(parameters) {
        if is("application/json") {
            return Ok(MediaType::Json);
        }
        if accepts == Accepts::JsonOrForm && is("application/x-www-form-urlencoded") {
            return Ok(MediaType::Form);
        }
    }
    Err(accepts.refusal())
}

/// JSON is UTF-8 (RFC 8259 section 8.1); a `charset` that says something else is believed.
fn is_utf8(parameters: &str) -> bool {
    parameters.split(';').filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

fn value_of_json(bytes: &[u8]) -> Result<Value, ApiError> {
    // `serde_json` names the place and the kind of the mistake, never the text.
    json::parse(bytes).map_err(|error| ApiError::bad_request(format!("Invalid JSON: {error}")))
}

fn object_of_json(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match value_of_json(bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(ApiError::bad_request("The request body must be a JSON object")),
    }
}

fn object_of_form(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    // The form parser would put U+FFFD in the place of bad bytes, and a password would silently change.
    if percent_decode(bytes).decode_utf8().is_err() {
        return Err(ApiError::bad_request("Invalid form: not UTF-8"));
    }
    let mut object = Map::new();
    for (key, value) in form_urlencoded::parse(bytes) {
        if object.insert(key.into_owned(), Value::String(value.into_owned())).is_some() {
            return Err(ApiError::bad_request("Invalid form: a field is there twice"));
        }
    }
    Ok(object)
}

fn erase<B>(body: B) -> Incoming
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
{
    Incoming::new(
        body.map_frame(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
            .map_err(|_| ()),
    )
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    async fn read(
        content_type: &'static str,
        body: &'static [u8],
        accepts: Accepts,
    ) -> Result<Fields, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
        RequestBody::new(Full::<Bytes>::from(body), 64, Duration::from_secs(1), &BodyRoom::new(0))
            .fields(&headers, accepts)
            .await
    }

    async fn status(content_type: &'static str, body: &'static [u8], accepts: Accepts) -> u16 {
        read(content_type, body, accepts).await.err().map_or(200, |error| error.status.as_u16())
    }

    #[tokio::test]
    async fn json_is_taken_everywhere_and_forms_where_they_are_welcome() {
        use Accepts::{Json, JsonOrForm};
        for content_type in
            ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
        {
            assert_eq!(status(content_type, b"{}", Json).await, 200);
        }
        assert_eq!(status("application/x-www-form-urlencoded", b"a=b", JsonOrForm).await, 200);
        assert_eq!(status("application/x-www-form-urlencoded", b"a=b", Json).await, 415);
        assert_eq!(status("text/plain", b"{}", JsonOrForm).await, 415);
        assert_eq!(status("application/json; charset=latin1", b"{}", Json).await, 415);
    }

    #[tokio::test]
    async fn a_form_is_read_as_what_was_typed() {
        let mut fields = read("application/x-www-form-urlencoded", b"password=a%2Bb+c", Accepts::JsonOrForm)
            .await
            .ok()
            .unwrap();
        assert_eq!(fields.text("password", Ok::<_, String>), Some("a+b c".to_owned()));
        for bad in [&b"a=%ff"[..], b"a=1&a=2"] {
            assert_eq!(status("application/x-www-form-urlencoded", bad, Accepts::JsonOrForm).await, 400);
        }
    }

    #[tokio::test]
    async fn a_body_over_the_limit_or_that_is_no_object_is_refused() {
        assert_eq!(status("application/json", &[b' '; 65], Accepts::Json).await, 413);
        for bad in [&b""[..], b"[]", b"{", b"null", b"{\"a\":\"\xff\"}"] {
            assert_eq!(status("application/json", bad, Accepts::Json).await, 400);
        }
    }
}
