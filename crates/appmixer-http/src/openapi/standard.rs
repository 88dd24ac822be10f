//! The errors that any route of its kind may give.

use appmixer_core::{AuthenticateError, HashError, InsufficientScope, StoreError};
use appmixer_token::{InvalidAuthorization, TokenError};
use http::Method;

use super::book::{Failure, Route, Who};
use crate::body::Accepts;
use crate::error::ApiError;
use crate::host;
use crate::router::Resource;
use crate::transfer_coding;

/// When a standard error happens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    Always,
    /// Parameters of the query are looked at.
    Query,
    /// The path has parameters.
    Parameters,
    /// A token is looked at.
    Token,
    /// A scope is asked for.
    Scope,
    /// There is a body.
    Body,
    /// The store is asked.
    Store,
    /// The store is written to.
    Write,
    /// Passwords are hashed.
    Hash,
}

impl Applies {
    pub(super) fn to(self, route: &Route) -> bool {
        match self {
            Self::Always => true,
            Self::Query => route.parameters.iter().any(|parameter| parameter["in"] == "query"),
            Self::Parameters => route.path().contains('{'),
            Self::Token => route.who != Who::Anybody,
            Self::Scope => route.who == Who::Admin,
            Self::Body => !route.bodies.is_empty(),
            Self::Store => route.asks_store(),
            Self::Write => route.asks_store() && route.method != "GET",
            Self::Hash => route.bodies.iter().any(|(_, _, example)| has_password(example)),
        }
    }
}

impl Route {
    /// All but what is the program's own asks the store, if only who is calling.
    fn asks_store(&self) -> bool {
        self.who != Who::Anybody || self.method != "GET" || self.resource == Resource::Readiness
    }
}

fn has_password(example: &serde_json::Value) -> bool {
    example
        .as_object()
        .is_some_and(|members| members.keys().any(|key| key.to_lowercase().ends_with("password")))
}

/// Every one, with when it happens.
pub(super) fn errors() -> Vec<(Applies, Failure)> {
    use Applies::{Always, Body, Hash, Parameters, Query, Scope, Store, Token, Write};
    let unavailable = || StoreError::Unavailable(String::new());
    let mut list = Vec::new();
    let mut add = |applies, error: ApiError, when: &'static str| {
        list.push((applies, Failure { error, when: when.into() }));
    };
    add(Always, host::missing(), "HTTP/1.1 without one, or with two");
    add(Always, host::invalid(), "`Host` or `:authority` is something else");
    add(Body, transfer_coding::not_implemented(), "the body has another one, as `gzip, chunked`");
    add(Query, ApiError::bad_request("Invalid query: not UTF-8"), "once it is decoded");
    add(Query, ApiError::bad_request("Invalid query: more than 64 parameters"), "there are more");
    add(Body, ApiError::body_required(), "there is none");
    add(
        Body,
        ApiError::bad_request("Invalid JSON: EOF while parsing an object at line 1 column 1"),
        "the body is no JSON, not UTF-8, too deep, or has a key twice in one object",
    );
    add(Token, ApiError::token_missing(), "there is no token, and one is needed");
    add(Token, InvalidAuthorization::Malformed.into(), "the header is something else");
    add(Token, TokenError::Malformed.into(), "it is no JWT");
    add(Token, TokenError::Unsupported.into(), "it is another kind of JWT");
    add(Token, TokenError::BadSignature.into(), "this server has not made it");
    add(Token, TokenError::Expired.into(), "its time is over");
    add(
        Token,
        AuthenticateError::Revoked.into(),
        "the password was changed, a scope taken away, or the user signed out everywhere, since",
    );
    add(Token, AuthenticateError::UserGone.into(), "its user is gone");
    add(
        Token,
        AuthenticateError::NotActive.into(),
        "the user's `isActive` is false, and the operator wants it true (`users.require_active`); not for signing out",
    );
    add(Scope, InsufficientScope.into(), "the token is good, and its scope is not enough");
    add(
        Parameters,
        ApiError::not_found("Not Found"),
        "a parameter is empty, or has a slash in it that is not percent-encoded: no such path",
    );
    add(
        Always,
        Resource::User.method_not_allowed(&Method::DELETE),
        "no such method at this path; `Allow` lists those that work",
    );
    add(Body, ApiError::body_late(), "it has not come within `http.body_timeout`, 30 s");
    add(Body, ApiError::body_too_large(65_536), "it has more than `http.body_limit`");
    add(Body, Accepts::Json.refusal(), "it is something else, or in another `charset` than `utf-8`");
    add(
        Store,
        ApiError::internal(&""),
        "a defect, or a damaged database: the log says more under the request's id",
    );
    add(Store, unavailable().into(), "it does not answer");
    add(Write, StoreError::ReadOnly(String::new()).into(), "a full disk, for one");
    add(
        Hash,
        HashError::Busy.into(),
        "more sign-ins and sign-ups wait than may (`password.queue`), most of them from this network",
    );
    list
}
