//! `/`, `/healthz`, `/readyz`, `/.well-known/jwks.json`, `/openapi.json`, `/docs`.

use schemars::json_schema;

use crate::openapi::book::{Book, Who};
use crate::openapi::samples::Samples;
use crate::router::Resource;
use crate::routes::status::ROOT;
use crate::views::StatusView;

pub(super) fn write(book: &mut Book, _: &Samples) {
    book.subject("The server", "Is it there, is it ready, and what can it do.");
    book.route("GET", Resource::Root, "getRoot", "What is here", Who::Anybody)
        .answers_everybody("The program and its version.", &ROOT)
        .done();
    book.route("GET", Resource::Health, "getHealth", "Does the process live", Who::Anybody)
        .answers_everybody("It lives.", &StatusView { status: "ok" })
        .done();
    book.route("GET", Resource::Readiness, "getReadiness", "Can it serve", Who::Anybody)
        .about("Whether a read of the database answers within two seconds. It says nothing of writes.")
        .answers_everybody("The database answers.", &StatusView { status: "ok" })
        .done();
    book.route("GET", Resource::JwkSet, "getJwks", "The public keys that verify tokens", Who::Anybody)
        .about("Empty as long as tokens are signed with a secret.")
        .answers_with(
            "A JWK set (RFC 7517).",
            "application/jwk-set+json",
            json_schema!({
                "type": "object",
                "required": ["keys"],
                "properties": { "keys": { "type": "array", "items": {
                    "type": "object",
                    "required": ["kty", "crv", "x", "use", "alg", "kid"],
                    "properties": {
                        "kty": { "enum": ["OKP", "EC"] },
                        "crv": { "enum": ["Ed25519", "P-256"] },
                        "x": { "type": "string" },
                        "y": { "type": "string" },
                        "use": { "const": "sig" },
                        "alg": { "enum": ["EdDSA", "ES256"] },
                        "kid": { "type": "string" },
                    },
                } } },
            }),
        )
        .tagged()
        .done();
    book.route("GET", Resource::OpenApi, "getOpenApi", "This document", Who::Anybody)
        .answers_with("OpenAPI 3.1.", "application/json", json_schema!({ "type": "object" }))
        .tagged()
        .done();
    book.route("GET", Resource::Docs, "getDocs", "This document, for people", Who::Anybody)
        .answers_with("A page without scripts.", "text/html", json_schema!({ "type": "string" }))
        .tagged()
        .done();
    book.route("GET", Resource::DocsStyle, "getDocsStyle", "How that page looks", Who::Anybody)
        .answers_with("Its style sheet.", "text/css", json_schema!({ "type": "string" }))
        .tagged()
        .done();
}
