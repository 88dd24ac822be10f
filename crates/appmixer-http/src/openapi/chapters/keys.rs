//! `/keys`: the keys that sign tokens.

use appmixer_core::{InvalidKeyId, InvalidTime, MAX_SIGNING_KEYS, StoreError};
use schemars::JsonSchema;
use serde_json::json;

use crate::error::ApiError;
use crate::keys::RotateError;
use crate::openapi::book::{Book, Who};
use crate::openapi::samples::Samples;
use crate::openapi::wire::{Algorithm, AskedTime, KeyName};
use crate::router::Resource;
use crate::routes::keys::{NO_SUCH_KEY, SIGNS, UNKNOWN_ALGORITHM};
use crate::views::{KeyView, Removed, RotatedView};

/// How a new key takes over.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is asked for")]
struct NewKey {
    /// What it is for; as the server is configured without it.
    algorithm: Option<Algorithm>,
    /// When it begins to sign; what is past is at once. Without it at once, and a public key after ten minutes, when
    /// everybody has seen it.
    activates: Option<AskedTime>,
}

pub(super) fn write(book: &mut Book, samples: &Samples) {
    book.subject("Keys", "The keys that sign tokens, and how one takes the place of another.");
    book.route("GET", Resource::Keys, "getKeys", "The keys, newest first", Who::Admin)
        .about("Names and times alone: no key, and no secret, is ever shown.")
        .answers("The keys.", &vec![KeyView::of(&samples.key)])
        .done();
    book.route("POST", Resource::Keys, "rotateKeys", "Make a key that takes over", Who::Admin)
        .about(
            "What signed before goes on verifying until its tokens and console sessions have expired, so that nobody is \
            signed out. It counts on every node.",
        )
        .body::<NewKey>(json!({ "algorithm": "EdDSA" }))
        .answers("The key.", &RotatedView::of(&samples.rotated))
        .fails(ApiError::invalid_one("algorithm", &UNKNOWN_ALGORITHM), "it is something else")
        .fails(ApiError::invalid_one("activates", &InvalidTime), "it is something else")
        .fails(
            RotateError::OtherSecret("it was sealed under another secret, or is damaged".to_owned()),
            "a key cannot be used: retire it first",
        )
        .fails(StoreError::TooMany(MAX_SIGNING_KEYS), "it would be one more")
        .done();
    book.route("DELETE", Resource::Key, "retireKey", "End a key at once", Who::Admin)
        .about("Whoever has a token by it has to sign in again.")
        .path::<KeyName>("id", "Which.", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        .answers("It is gone.", &Removed { ok: true })
        .fails(ApiError::invalid_one("id", &InvalidKeyId), "it is something else")
        .fails(ApiError::not_found(NO_SUCH_KEY), "the database has none of that name")
        .fails(ApiError::new(http::StatusCode::CONFLICT, SIGNS), "it is the one that signs")
        .done();
}
