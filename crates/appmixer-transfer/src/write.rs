//! Our own form: a JSON object a line, with everything that is stored of a user.

use std::io::{self, Write};

use appmixer_core::{Metadata, Plan, Scopes, Text, Timestamp, User, UserId, Vendor};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    id: UserId,
    username: &'a str,
    email: &'a str,
    password_hash: &'a str,
    scope: &'a Scopes,
    plan: &'a Plan,
    is_active: bool,
    vendor: &'a Vendor,
    allowed_private_components: &'a [Text],
    phone_number: Option<&'a Text>,
    title: Option<&'a Text>,
    metadata: &'a Metadata,
    created: Timestamp,
    modified: Timestamp,
    generation: u32,
    confirmation_pending: bool,
    address_vouched: bool,
}

/// Writes a user as one line, with its end. It holds the password's hash.
///
/// # Errors
/// The writer's.
pub fn write_user(mut to: impl Write, user: &User) -> io::Result<()> {
    let line = Line {
        id: user.id,
        username: user.names.username.as_str(),
        email: user.names.email.as_str(),
        password_hash: user.password_hash.as_phc(),
        scope: &user.scopes,
        plan: &user.plan,
        is_active: user.is_active,
        vendor: &user.vendor,
        allowed_private_components: &user.allowed_private_components,
        phone_number: user.phone_number.as_ref(),
        title: user.title.as_ref(),
        metadata: &user.metadata,
        created: user.created,
        modified: user.modified,
        generation: user.generation,
        confirmation_pending: user.confirmation_pending,
        address_vouched: user.address_vouched,
    };
    serde_json::to_writer(&mut to, &line)?;
    to.write_all(b"\n")
}
