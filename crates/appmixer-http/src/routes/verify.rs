//! `GET /auth/verify`: for proxies that ask before they pass a request on.

use http::StatusCode;

use crate::app::App;
use crate::error::ApiError;
use crate::head::Head;
use crate::identity::identify;
use crate::original::original;
use crate::response::{Answer, private_nothing};
use crate::router::VERIFY;

/// The headers that such an answer has in the end, so that there is room for all of them from the start.
const HEADERS: usize = 8;

/// Whether the path has a target of somebody else's request behind the route's own.
pub(crate) fn is_of_another(path: &str) -> bool {
    path.len() > VERIFY.len()
}

/// Who asks, in headers: for whoever may.
pub(crate) async fn answer(app: &App, head: &Head<'_>) -> Result<Answer, ApiError> {
    let asked = || {
        let behind = head.path.strip_prefix(VERIFY).unwrap_or_default();
        original(head.method, behind, head.headers).map_err(ApiError::from)
    };
    let identity = identify(app, head.headers, asked).await?;
    // Envoy takes nothing but 200 for a yes.
    let status = if is_of_another(head.path) { StatusCode::OK } else { StatusCode::NO_CONTENT };
    let mut answer = private_nothing(status, HEADERS);
    identity.write(answer.headers_mut())?;
    Ok(answer)
}
