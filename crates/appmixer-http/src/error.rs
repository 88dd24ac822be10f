//! The one place that knows statuses: from what went wrong in the domain to the contract's error answer.

use std::borrow::Cow;
use std::fmt::Display;

use appmixer_core::{
    AuthenticateError, ChangePasswordError, ChangeUserError, ChooseError, ConfirmError, ForgotPasswordError,
    HashError, InsufficientScope, RedeemError, SetUpError, SignInError, SignUpError, StoreError, WriteError,
};
use appmixer_gateway::ForwardError;
use appmixer_path::AmbiguousPath;
use appmixer_token::{Challenge, InvalidAuthorization, TokenError};
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::keys::RotateError;
use crate::limits::RateLimit;
use crate::original::UnclearOriginal;

/// One thing that is wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Detail {
    /// The member, or parameter, that is wrong.
    pub(crate) path: Cow<'static, str>,
    /// What it must be.
    pub(crate) message: String,
}

/// An answer that is not what the client hoped for.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) message: Cow<'static, str>,
    pub(crate) details: Vec<Detail>,
    pub(crate) challenge: Option<Challenge>,
    /// After how many seconds another try makes sense.
    pub(crate) retry_after: Option<u32>,
    /// What is left of a quota, where there is one.
    pub(crate) rate: Option<Box<RateLimit>>,
    /// The methods that would have worked.
    pub(crate) allow: Option<&'static str>,
    /// What broke inside, for the log alone.
    pub(crate) cause: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        let (details, challenge, retry_after, rate, allow, cause) =
            (Vec::new(), None, None, None, None, None);
        Self { status, message, details, challenge, retry_after, rate, allow, cause }
    }

    pub(crate) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Wrong input. The message names everything that is wrong, because the npm CLI prints it.
    pub(crate) fn invalid(details: Vec<Detail>) -> Self {
        let wrong: Vec<_> = details.iter().map(|d| format!("\"{}\" {}", d.path, d.message)).collect();
        Self { details, ..Self::bad_request(wrong.join(". ")) }
    }

    pub(crate) fn invalid_one(path: impl Into<Cow<'static, str>>, message: &impl Display) -> Self {
        Self::invalid(vec![Detail { path: path.into(), message: message.to_string() }])
    }

    pub(crate) fn body_required() -> Self {
        Self::bad_request("A request body is required")
    }

    pub(crate) fn body_late() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "The request body took too long to arrive")
    }

    pub(crate) fn body_broken() -> Self {
        Self::bad_request("The request body is incomplete or badly framed")
    }

    pub(crate) fn too_many_bodies() -> Self {
        Self::unavailable("Too many large requests at once, try again later")
    }

    pub(crate) fn body_too_large(limit: impl Display) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The request body is larger than {limit} bytes"))
    }

    pub(crate) fn forbidden(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// What those hear whom the rules about routes keep out.
    pub(crate) fn denied() -> Self {
        Self::forbidden("The access rules do not allow this")
    }

    pub(crate) fn not_found(message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// `allowed` is what would have worked.
    pub(crate) fn method_not_allowed(method: &Method, allowed: &'static str) -> Self {
        // A method is the client's text, of any length.
        let method = if method.as_str().len() <= 16 { method.as_str() } else { "This method" };
        let error = Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not allowed here"));
        Self { allow: Some(allowed), ..error }
    }

    pub(crate) fn token_missing() -> Self {
        Self { challenge: Some(Challenge::TokenMissing), ..Self::unauthorized("Missing authentication") }
    }

    pub(crate) fn invalid_token(message: impl Into<Cow<'static, str>>) -> Self {
        Self { challenge: Some(Challenge::InvalidToken), ..Self::unauthorized(message) }
    }

    fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    fn unavailable(message: &'static str) -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }

    /// What `/readyz` says of a database that is not fit for use, whatever is wrong with it.
    pub(crate) fn not_ready(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(_) | StoreError::Internal(_) => Self::unavailable("The database is damaged"),
            other => other.into(),
        }
    }

    /// One attempt more than there may be. The same for whatever stands in the way.
    pub(crate) fn limited(rate: RateLimit) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts, try again later");
        Self { retry_after: Some(rate.next.max(1)), rate: Some(Box::new(rate)), ..error }
    }

    pub(crate) fn apps_unread() -> Self {
        Self::unavailable("The apps are being read, try again later")
    }

    pub(crate) fn too_many_requests_run() -> Self {
        Self::unavailable("Too many requests are running, try again later")
    }

    /// Something broke inside. The client learns nothing but that.
    pub(crate) fn internal(cause: &impl Display) -> Self {
        let message = "An internal server error occurred";
        Self { cause: Some(cause.to_string()), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, message) }
    }
}

impl From<InvalidAuthorization> for ApiError {
    fn from(error: InvalidAuthorization) -> Self {
        Self::invalid_token(error.to_string())
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::invalid_token(error.to_string())
    }
}

impl From<AmbiguousPath> for ApiError {
    fn from(error: AmbiguousPath) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<UnclearOriginal> for ApiError {
    fn from(error: UnclearOriginal) -> Self {
        // Proxies know 401 and 403: what is anything else they take for a server that is broken.
        Self::new(StatusCode::FORBIDDEN, error.to_string())
    }
}

impl From<InsufficientScope> for ApiError {
    fn from(_: InsufficientScope) -> Self {
        Self { challenge: Some(Challenge::InsufficientScope), ..Self::forbidden("Insufficient scope") }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            // The store tells the log when that begins and when it is over: no line for each request meanwhile.
            StoreError::Unavailable(_) => Self::unavailable("The database is unavailable, try again later"),
            StoreError::ReadOnly(_) => {
                Self::unavailable("The database cannot be written to, try again later")
            }
            StoreError::TooMany(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            StoreError::Corrupt(_) | StoreError::Internal(_) => Self::internal(&error),
        }
    }
}

impl From<RotateError> for ApiError {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Overlap(_) => Self::invalid_one("overlap", &error),
            RotateError::OtherSecret(why) => {
                Self::new(StatusCode::CONFLICT, format!("A key in the database cannot be used: {why}"))
            }
            RotateError::Key(error) => Self::internal(&error),
            RotateError::Store(error) => error.into(),
        }
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        match error {
            // Not a fault of ours: no line in the log for each request of a flood.
            HashError::Busy => Self::unavailable("Too many passwords are being checked, try again later"),
            HashError::Unreadable | HashError::Failed(_) => Self::internal(&error),
        }
    }
}

impl From<AuthenticateError> for ApiError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::UserGone => Self::invalid_token("Invalid JWT: the user does not exist"),
            AuthenticateError::NotActive => SignInError::NotActive.into(),
            AuthenticateError::Revoked => Self::invalid_token("Invalid JWT: revoked"),
            AuthenticateError::Store(error) => error.into(),
        }
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::BadCredentials => Self::forbidden("Invalid username or password"),
            SignInError::NotActive => Self::forbidden("The account is not active"),
            SignInError::Hash(error) => error.into(),
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<SignUpError> for ApiError {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::TokenRequired => Self::token_missing(),
            SignUpError::InsufficientScope(error) => error.into(),
            SignUpError::Password(error) => Self::invalid_one("password", &error),
            SignUpError::NameTaken => WriteError::NameTaken.into(),
            SignUpError::Hash(error) => error.into(),
            SignUpError::Store(error) => error.into(),
        }
    }
}

impl From<SetUpError> for ApiError {
    fn from(error: SetUpError) -> Self {
        match error {
            SetUpError::AdministratorExists => {
                Self::new(StatusCode::CONFLICT, "There is an administrator already, who can make others")
            }
            SetUpError::User(error) => error.into(),
        }
    }
}

impl From<ChooseError> for ApiError {
    fn from(error: ChooseError) -> Self {
        match error {
            ChooseError::Refused(error) => Self::invalid_one("password", &error),
            ChooseError::Hash(error) => error.into(),
        }
    }
}

impl From<ChangePasswordError> for ApiError {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::WrongPassword => Self::forbidden("Invalid old password"),
            ChangePasswordError::Refused(error) => Self::invalid_one("password", &error),
            ChangePasswordError::Hash(error) => error.into(),
            ChangePasswordError::Write(error) => error.into(),
        }
    }
}

impl From<ForgotPasswordError> for ApiError {
    fn from(error: ForgotPasswordError) -> Self {
        match error {
            ForgotPasswordError::Code(error) => error.into(),
            ForgotPasswordError::Store(error) => error.into(),
        }
    }
}

impl From<RedeemError> for ApiError {
    fn from(error: RedeemError) -> Self {
        match error {
            RedeemError::BadCode => {
                Self::invalid_one("code", &"is not good: used, replaced, too old, or never sent")
            }
            RedeemError::Refused(error) => Self::invalid_one("password", &error),
            RedeemError::Hash(error) => error.into(),
            RedeemError::Write(error) => error.into(),
        }
    }
}

impl From<ConfirmError> for ApiError {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::BadCredentials => Self::bad_request("Invalid code or password"),
            ConfirmError::Hash(error) => error.into(),
            ConfirmError::Write(error) => error.into(),
        }
    }
}

impl From<ChangeUserError> for ApiError {
    fn from(error: ChangeUserError) -> Self {
        match error {
            ChangeUserError::Code(error) => error.into(),
            ChangeUserError::Write(error) => error.into(),
        }
    }
}

impl From<ForwardError> for ApiError {
    fn from(error: ForwardError) -> Self {
        let again = |retry_after, error: Self| Self { retry_after: Some(retry_after), ..error };
        match error {
            ForwardError::Unavailable { retry_after } => again(
                retry_after,
                Self::unavailable("The service behind this path is unavailable, try again later"),
            ),
            ForwardError::Unreachable { retry_after } => again(
                retry_after,
                Self::new(StatusCode::BAD_GATEWAY, "The service behind this path cannot be reached"),
            ),
            ForwardError::Broken => {
                Self::new(StatusCode::BAD_GATEWAY, "The service behind this path did not answer as it should")
            }
            ForwardError::Late => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, "The service behind this path did not answer in time")
            }
            ForwardError::Loop => Self::new(StatusCode::LOOP_DETECTED, "The request goes in circles"),
            ForwardError::RequestTooLarge(limit) => Self::body_too_large(limit),
            ForwardError::RequestLate => Self::body_late(),
            ForwardError::RequestBroken => Self::body_broken(),
            ForwardError::PathTooLong => Self::new(StatusCode::URI_TOO_LONG, "The path is too long"),
        }
    }
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NotFound => Self::not_found("User not found"),
            // What moved the generation on has revoked the caller's token.
            WriteError::Overtaken => AuthenticateError::Revoked.into(),
            WriteError::NameTaken => {
                Self::new(StatusCode::CONFLICT, "The username or email is already taken")
            }
            WriteError::LastAdmin => Self::new(StatusCode::CONFLICT, "The last administrator must stay"),
            WriteError::Store(error) => error.into(),
        }
    }
}
