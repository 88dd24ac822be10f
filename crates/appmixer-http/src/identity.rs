//! Who asks something of a guarded service, whether they may, and what the service is told about them.

use std::fmt::Write as _;
use std::sync::Arc;

use appmixer_core::{Caller, Roles, Scope};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::app::App;
use crate::asked::Asked;
use crate::error::ApiError;
use crate::sessions::Remembered;

/// The headers that tell a service who asks: id, scopes, username. Whatever a client sends under these names must not
/// reach it.
pub(crate) const IDENTITY_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-user-id"),
    HeaderName::from_static("x-user-scope"),
    HeaderName::from_static("x-user-name"),
];

/// What of a username is not encoded: nothing that separates or quotes in a header, or that is no ASCII.
const IN_A_NAME: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@').remove(b'+');

/// The values, in the order of [`IDENTITY_HEADERS`].
pub(crate) struct IdentityHeaders([HeaderValue; 3]);

impl IdentityHeaders {
    fn of(caller: &Caller) -> Result<Self, ApiError> {
        let mut scopes = String::new();
        // A reserved scope would look like an address or a group.
        let told = caller.scopes.iter().filter(|scope| !scope.is_reserved());
        for scope in told.map(Scope::as_str) {
            // Separated as in RFC 6749 section 3.3.
            let separator = if scopes.is_empty() { "" } else { " " };
            let _ = write!(scopes, "{separator}{scope}");
        }
        let name = utf8_percent_encode(caller.user.names.username.as_str(), IN_A_NAME);
        let value = |text: String| HeaderValue::try_from(text).map_err(|error| ApiError::internal(&error));
        Ok(Self([value(caller.user.id.to_string())?, value(scopes)?, value(name.to_string())?]))
    }
}

/// A user who may ask what is asked.
pub(crate) struct Identity(Arc<Remembered>);

impl Identity {
    /// What it was known by.
    pub(crate) fn into_session(self) -> Arc<Remembered> {
        self.0
    }

    /// Sets the headers, in the place of any that are there.
    pub(crate) fn write(&self, headers: &mut HeaderMap) -> Result<(), ApiError> {
        let values = if let Some(values) = self.0.identity.get() {
            values
        } else {
            let values = Box::new(IdentityHeaders::of(&self.0.caller)?);
            self.0.identity.get_or_init(|| values)
        };
        for (name, value) in IDENTITY_HEADERS.into_iter().zip(&values.0) {
            headers.insert(name, value.clone());
        }
        Ok(())
    }
}

/// Goes on only for users, and only as far as the rules about routes let them. Without knowing what is asked, a good
/// token is enough.
///
/// # Errors
/// 401 as on any route, 403, and whatever is wrong with `asked`: to those whose token is good.
pub(crate) async fn identify<'r>(
    app: &App,
    headers: &HeaderMap,
    asked: impl FnOnce() -> Result<Option<Asked<'r>>, ApiError>,
) -> Result<Identity, ApiError> {
    let session = app.signed_in(headers).await?;
    let asked = asked()?;
    let Some(asked) = asked else {
        return Ok(Identity(session));
    };
    let rules = app.access_rules().await?;
    let whose = Roles::of(&session.caller);
    let denied =
        |resource: &str| asked.deeds().iter().any(|deed| rules.route_index.denies(&whose, resource, &[deed]));
    if asked.resources().any(denied) {
        return Err(ApiError::denied());
    }
    Ok(Identity(session))
}
