//! `/auth/verify`: what proxies ask.

use appmixer_path::AmbiguousPath;

use crate::error::ApiError;
use crate::openapi::book::{Book, Who};
use crate::openapi::samples::Samples;
use crate::original::UnclearOriginal;
use crate::router::Resource;

pub(super) fn write(book: &mut Book, _: &Samples) {
    let unclear = |error: UnclearOriginal| ApiError::from(error);
    book.subject("Other services", "Protects them with the same tokens.");
    book.route("GET", Resource::Verify, "verify", "May this request be passed on", Who::User)
        .about(
            "For proxies, before they pass a request to a service: whether its token is good, and whether the access \
            rules about `routes` let its user do it.\n\n\
            What is asked is told by headers: `X-Original-Method` with `X-Original-URI` or `X-Original-URL`, or \
            `X-Forwarded-Method` with `X-Forwarded-Uri`; all that are there must say the same. Or by the request \
            itself, behind this path and with any method: `DELETE /auth/verify/flows/1` asks for `DELETE /flows/1`, and yes is 200 there. \
            Where nothing is told, a good token is enough.\n\n\
            A method in `X-HTTP-Method-Override`, `X-HTTP-Method` or `X-Method-Override` must be allowed as well.",
        )
        .answers_nothing("Yes; and who it is.")
        .header("Cache-Control")
        .header("X-User-Id")
        .header("X-User-Scope")
        .header("X-User-Name")
        .fails(ApiError::denied(), "the rules about `routes` name the path's first segment, and do not allow this")
        .fails(
            unclear(AmbiguousPath.into()),
            "the original path has `//`, `.` or `..`, a segment of nothing but parameters, dots or blanks, a slash, a \
            backslash, `%` or a control character that is percent-encoded, a backslash, or a `;` in its first segment",
        )
        .fails(unclear(UnclearOriginal::Half), "there is one of them alone")
        .fails(unclear(UnclearOriginal::Contradiction), "one is there twice, or two of them differ")
        .done();
}
