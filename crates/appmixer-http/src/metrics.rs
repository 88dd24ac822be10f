//! What this crate counts through the facade. Requests have [`crate::traffic`], which costs them less.

use std::sync::LazyLock;

use appmixer_core::{AuthenticateError, HashError, SignInError};
use appmixer_token::TokenError;
use http::{Method, StatusCode};
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

use crate::error::ApiError;
use crate::limits;
use crate::response::Answer;
use crate::router::Resource;

static OPEN: LazyLock<Gauge> = LazyLock::new(|| gauge!("appmixer_http_connections"));
static ACCEPTED: LazyLock<Counter> = LazyLock::new(|| counter!("appmixer_http_connections_accepted_total"));
pub(crate) static REFUSED: LazyLock<Counter> =
    LazyLock::new(|| counter!("appmixer_http_connections_refused_total"));

pub(crate) static WITHDRAWN: LazyLock<Counter> =
    LazyLock::new(|| counter!("appmixer_gateway_withdrawn_total"));

const LIMITED: &str = "appmixer_limited_total";
const SIGN_INS: &str = "appmixer_sign_ins_total";
const ACCOUNTS: &str = "appmixer_account_changes_total";
const TOKENS: &str = "appmixer_tokens_checked_total";

/// Says what this crate counts, so that all of it is there from the start. After a recorder is installed.
pub fn describe_metrics() {
    describe_gauge!("appmixer_http_connections", "Connections that are open.");
    describe_counter!("appmixer_http_connections_accepted_total", "Connections that were accepted.");
    describe_counter!(
        "appmixer_http_connections_refused_total",
        "Connections that were turned away, because as many were open as may be."
    );
    describe_counter!(
        "appmixer_gateway_withdrawn_total",
        "Requests, streams and tunnels that were ended, because whoever had asked may not any more."
    );
    describe_counter!(SIGN_INS, "Attempts to sign in, by their outcome.");
    describe_counter!(ACCOUNTS, "Sign-ups and changes of passwords, by their outcome.");
    describe_counter!(TOKENS, "Tokens that had not been verified before, or not since something changed.");
    describe_counter!(LIMITED, "Attempts that were turned away, by limit.");
    OPEN.set(0.0);
    for policy in limits::policies() {
        counter!(LIMITED, "limit" => policy).absolute(0);
    }
    LazyLock::force(&ACCEPTED);
    LazyLock::force(&REFUSED);
    LazyLock::force(&WITHDRAWN);
    for outcome in ["ok", "credentials", "not-active", "aborted", "throttled", "busy", "error"] {
        counter!(SIGN_INS, "outcome" => outcome).absolute(0);
    }
    for operation in Operation::ALL {
        for outcome in ["ok", "refused", "throttled", "busy", "error"] {
            counter!(ACCOUNTS, "operation" => operation.as_str(), "outcome" => outcome).absolute(0);
        }
    }
    for outcome in ["ok", "malformed", "signature", "expired", "revoked", "not-active", "user-gone", "error"]
    {
        counter!(TOKENS, "outcome" => outcome).absolute(0);
    }
}

/// Somebody was turned away by one of [`limits::policies`].
pub(crate) fn limited(policy: &'static str) {
    counter!(LIMITED, "limit" => policy).increment(1);
}

/// A connection, while it is open.
pub(crate) struct Open(());

impl Open {
    pub(crate) fn new() -> Self {
        ACCEPTED.increment(1);
        OPEN.increment(1.0);
        Self(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.decrement(1.0);
    }
}

pub(crate) fn sign_in<T>(outcome: &Result<T, SignInError>) {
    let outcome = match outcome {
        Ok(_) => "ok",
        Err(SignInError::BadCredentials) => "credentials",
        Err(SignInError::NotActive) => "not-active",
        Err(SignInError::Hash(HashError::Busy)) => "busy",
        Err(_) => "error",
    };
    counter!(SIGN_INS, "outcome" => outcome).increment(1);
}

/// A client has gone before its password was compared.
pub(crate) fn sign_in_aborted() {
    counter!(SIGN_INS, "outcome" => "aborted").increment(1);
}

/// What somebody does about an account.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    SignUp,
    ChangePassword,
    ResetPassword,
    ForgotPassword,
    RedeemCode,
    Confirm,
    ResendConfirmation,
}

impl Operation {
    const ALL: [Self; 7] = [
        Self::SignUp,
        Self::ChangePassword,
        Self::ResetPassword,
        Self::ForgotPassword,
        Self::RedeemCode,
        Self::Confirm,
        Self::ResendConfirmation,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign-up",
            Self::ChangePassword => "change-password",
            Self::ResetPassword => "reset-password",
            Self::ForgotPassword => "forgot-password",
            Self::RedeemCode => "redeem-code",
            Self::Confirm => "confirm",
            Self::ResendConfirmation => "resend-confirmation",
        }
    }

    fn of(resource: Resource, method: &Method) -> Option<Self> {
        match resource {
            Resource::User if method == Method::POST => Some(Self::SignUp),
            Resource::ConsoleSetUp => Some(Self::SignUp),
            Resource::ChangePassword => Some(Self::ChangePassword),
            Resource::ResetPassword => Some(Self::ResetPassword),
            Resource::ForgotPassword => Some(Self::ForgotPassword),
            Resource::RedeemCode => Some(Self::RedeemCode),
            Resource::Confirm => Some(Self::Confirm),
            Resource::ResendCode => Some(Self::ResendConfirmation),
            _ => None,
        }
    }
}

/// Counts what has become of a request that is about an account, and nothing of any other.
pub(crate) fn account_request(
    resource: Option<Resource>,
    method: &Method,
    outcome: &Result<Answer, ApiError>,
) {
    let Some(resource) = resource.filter(|_| method != Method::OPTIONS) else {
        return;
    };
    let throttled = matches!(outcome, Err(error) if error.status == StatusCode::TOO_MANY_REQUESTS);
    // Any other outcome of a sign-in is told by `sign_in`, which knows more of it.
    if matches!(resource, Resource::SignIn | Resource::ConsoleSession) && throttled {
        counter!(SIGN_INS, "outcome" => "throttled").increment(1);
    }
    if let Some(operation) = Operation::of(resource, method) {
        let told = match outcome {
            Ok(_) => "ok",
            Err(_) if throttled => "throttled",
            Err(error) if error.status.is_client_error() => "refused",
            Err(error) if error.cause.is_none() => "busy",
            Err(_) => "error",
        };
        counter!(ACCOUNTS, "operation" => operation.as_str(), "outcome" => told).increment(1);
    }
}

/// A token that had to be looked at.
pub(crate) fn token_checked(outcome: &'static str) {
    counter!(TOKENS, "outcome" => outcome).increment(1);
}

pub(crate) const fn why_refused(error: TokenError) -> &'static str {
    match error {
        TokenError::Expired => "expired",
        TokenError::BadSignature => "signature",
        _ => "malformed",
    }
}

pub(crate) const fn outcome_of<T>(found: &Result<T, AuthenticateError>) -> &'static str {
    match found {
        Ok(_) => "ok",
        Err(AuthenticateError::UserGone) => "user-gone",
        Err(AuthenticateError::NotActive) => "not-active",
        Err(AuthenticateError::Revoked) => "revoked",
        Err(AuthenticateError::Store(_)) => "error",
    }
}
