//! The forms that single values have on the wire, for the schemas of what is sent and what is taken.
//!
//! Nothing makes values of these types: the domain's own do the work, and `JsonSchema` asks only for the shape.
#![allow(dead_code, reason = "only their schemas are asked for")]

use std::collections::BTreeSet;

use appmixer_core::{
    AclType, Action as CoreAction, AuditKind as CoreAuditKind, DEFAULT_PAGE, Deed as CoreDeed, Group, Kind,
    MAX_DAYS, MAX_FILTERS, MAX_KEY_BYTES, MAX_LIST_LENGTH, MAX_NAME_BYTES, MAX_PAGE, MAX_PASSWORD_BYTES,
    MAX_RULE_TEXT_BYTES, MAX_SCOPE_BYTES, MAX_SCOPES, MAX_TEXT_BYTES, Reason as CoreReason,
};
use appmixer_token::Algorithm as CoreAlgorithm;
use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::keys;
use crate::routes::config_state::TESTABLE;
use crate::routes::stats::DEFAULT_DAYS;

/// Something on both sides of one `@`, and no character that `LoginName` refuses.
pub(crate) const NAME: &str = r"^[^@\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+@[^@\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+$";

/// The same without a dot at the end. What is usual beyond ASCII no pattern can say.
const NEW_NAME: &str = r"^[^@\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+@[^@\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*[^@.\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]$";

/// 24 lower-case hexadecimal digits, laid out as MongoDB's ObjectId.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = "^[0-9a-f]{24}$"))]
pub(crate) struct Id(String);

/// ISO 8601, in UTC, with milliseconds.
#[derive(JsonSchema)]
#[schemars(inline, extend("format" = "date-time"))]
pub(crate) struct Time(String);

/// The shape of an email address. The domain need not exist or have a dot. At most 254 bytes, without white space,
/// control characters and invisible marks.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = NAME, "maxLength" = MAX_NAME_BYTES))]
pub(crate) struct Name(String);

/// The name of a new user, or a new name of one: an email address in its usual spelling, without characters that cannot
/// be seen. The domain has no fullwidth or other compatibility characters and no dot at its end.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = NEW_NAME, "maxLength" = MAX_NAME_BYTES))]
pub(crate) struct NewName(String);

/// A password that somebody has. At most 1,024 bytes.
#[derive(JsonSchema)]
#[schemars(inline, extend("format" = "password", "minLength" = 1, "maxLength" = MAX_PASSWORD_BYTES))]
pub(crate) struct Password(String);

/// A password that somebody chooses. At most 1,024 bytes. The operator may refuse what is known to be common or
/// easy to guess.
#[derive(JsonSchema)]
#[schemars(extend("format" = "password", "minLength" = 1, "maxLength" = MAX_PASSWORD_BYTES))]
pub(crate) struct NewPassword(String);

/// A JWT, signed with HS256: `{"id":…,"scope":[…],"iat":…,"exp":…}`, and `gen` when the user has revoked tokens.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = r"^[\w-]+\.[\w-]+\.[\w-]+$"))]
pub(crate) struct Token(String);

/// A scope, as OAuth takes it for one (RFC 6749 section 3.3), without commas and `@`. `group:` and `scope:` at its
/// beginning have a meaning in access rules.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = r"^(?!group:|scope:)[!#-+\--?A-\[\]-~]+$", "minLength" = 1, "maxLength" = MAX_SCOPE_BYTES))]
pub(crate) struct Scope(String);

/// What the user may do: `user`, `admin`, and words of the operator's own.
#[derive(JsonSchema)]
#[schemars(inline, extend("maxItems" = MAX_SCOPES))]
pub(crate) struct Scopes(Vec<Scope>);

/// A text of 1 to 256 bytes, without control characters.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = r"^[^\x00-\x1f\x7f-\x9f]+$", "minLength" = 1, "maxLength" = MAX_TEXT_BYTES))]
pub(crate) struct Text(String);

/// An object that clients store with the user, at most 16 KiB as compact JSON.
#[derive(JsonSchema)]
#[schemars(rename = "Metadata")]
pub(crate) struct Object(Map<String, Value>);

/// The key of an entry: 1 to 256 bytes without control characters.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = r"^[^\x00-\x1f\x7f-\x9f]+$", "minLength" = 1, "maxLength" = MAX_KEY_BYTES))]
pub(crate) struct ConfigKey(String);

/// A text, a port, or nothing.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(crate) enum DefaultValue {
    Nothing,
    Text(String),
    Port(u16),
}

/// What keys are about.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = Group::ALL.map(Group::as_str)))]
pub(crate) struct ConfigGroup(String);

/// The key whose settings can be tested.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = [TESTABLE]))]
pub(crate) struct TestableKey(String);

/// What a form would ask for: `line` is a text of one line, `choice` one of the key's `choices`.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = config_kinds()))]
pub(crate) struct ConfigKind(String);

fn config_kinds() -> BTreeSet<&'static str> {
    Kind::ALL.map(Kind::as_str).into_iter().collect()
}

/// 1 to 254 bytes without white space or control characters; `*` is everything.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = r"^[^\s\x00-\x1f\x7f-\x9f]+$", "minLength" = 1, "maxLength" = MAX_RULE_TEXT_BYTES))]
pub(crate) struct RuleText(String);

/// What may be done, or behind a `!` what may not.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = CoreAction::ALL.map(CoreAction::as_str)))]
pub(crate) struct Action(String);

/// What somebody would do.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = CoreDeed::ALL.map(CoreDeed::as_str)))]
pub(crate) struct Deed(String);

/// Why somebody may do something, or may not.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = CoreReason::ALL.map(CoreReason::as_str)))]
pub(crate) struct Reason(String);

/// A user's id, or one of its names.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(crate) enum IdOrName {
    Id(Id),
    Name(Name),
}

/// The name of a key: 1 to 64 letters, digits, `-` and `_`.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = "^[A-Za-z0-9_-]{1,64}$"))]
pub(crate) struct KeyName(String);

/// A signature algorithm, by the name that tokens have for it.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = CoreAlgorithm::ALL.map(CoreAlgorithm::as_str)))]
pub(crate) struct Algorithm(String);

/// The database, `JWTSecret` of the system configuration, or the server's own secret, today's or one of before.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = keys::KeySource::ALL.map(keys::KeySource::as_str)))]
pub(crate) struct KeySource(String);

/// What a key does at the moment. `next` is one that will sign, `unusable` one that the server cannot open.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = keys::KeyState::ALL.map(keys::KeyState::as_str)))]
pub(crate) struct KeyState(String);

/// A status of the client's or the server's fault.
#[derive(JsonSchema)]
#[schemars(inline, extend("minimum" = 400, "maximum" = 599))]
pub(crate) struct ErrorStatus(u16);

/// One text, or a list of them.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(crate) enum TextOrTexts {
    One(Text),
    More(#[schemars(extend("maxItems" = MAX_LIST_LENGTH))] Vec<Text>),
}

/// `routes` or `components`.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = AclType::ALL.map(AclType::as_str)))]
pub(crate) struct RuleType(String);

/// What was done.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = CoreAuditKind::ALL.map(CoreAuditKind::as_str)))]
pub(crate) struct AuditKind(String);

/// ISO 8601 with an offset, from 1970 on.
#[derive(JsonSchema)]
#[schemars(inline, extend("format" = "date-time", "pattern" = "^(19[7-9]|[2-9][0-9]{2})[0-9]-"))]
pub(crate) struct AskedTime(String);

/// The number of an entry: a later entry has a greater one.
#[derive(JsonSchema)]
#[schemars(inline, extend("minimum" = 1))]
pub(crate) struct AuditId(i64);

/// An entry of the audit log.
#[derive(JsonSchema)]
pub(crate) struct AuditRecord {
    id: AuditId,
    time: Time,
    kind: AuditKind,
    actor: AuditActor,
    /// The other end of the connection; `null` for commands.
    address: Option<String>,
    /// To whom it was done.
    user: Option<Id>,
    details: AuditDetails,
}

/// Who did it: a user, somebody at the machine, or somebody without a token.
#[derive(JsonSchema)]
#[schemars(tag = "type", rename_all = "kebab-case")]
enum AuditActor {
    Anonymous,
    User { id: Id },
    CommandLine { uid: u32 },
}

/// What is told besides; what it has depends on the kind. Names of things, and never a value.
#[derive(JsonSchema)]
struct AuditDetails {
    /// The members of a user that are other than before.
    #[schemars(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<String>>,
    /// The key of an entry of the system configuration.
    #[schemars(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The key of another entry of the system configuration, which was removed by the same change.
    #[schemars(skip_serializing_if = "Option::is_none")]
    cleared: Option<String>,
    /// The type of the access rules.
    #[schemars(skip_serializing_if = "Option::is_none")]
    rules: Option<String>,
    /// Why somebody was not signed in.
    #[schemars(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How many users an import has made.
    #[schemars(skip_serializing_if = "Option::is_none")]
    imported: Option<u64>,
    /// How many it has not.
    #[schemars(skip_serializing_if = "Option::is_none")]
    refused: Option<u64>,
}

/// A date, as ISO 8601 has it.
#[derive(JsonSchema)]
#[schemars(inline, extend("format" = "date"))]
pub(crate) struct Date(String);

/// A number of days.
#[derive(JsonSchema)]
#[schemars(inline, extend("minimum" = 1, "maximum" = MAX_DAYS, "default" = DEFAULT_DAYS))]
pub(crate) struct Days(u32);

/// How many, at most.
#[derive(JsonSchema)]
#[schemars(inline, extend("minimum" = 1, "maximum" = MAX_PAGE, "default" = DEFAULT_PAGE))]
pub(crate) struct Limit(u32);

/// How many come before.
#[derive(JsonSchema)]
#[schemars(inline, extend("default" = 0, "maximum" = u32::MAX))]
pub(crate) struct Offset(u32);

/// A key, and a direction.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = "^(created|username|email)(:-?1)?$", "default" = "created:-1"))]
pub(crate) struct SortOrder(String);

/// Members that are shown where they are asked for.
#[derive(JsonSchema)]
#[schemars(inline, extend(
    "pattern" = "^(allowedPrivateComponents|confirmationPending)(,(allowedPrivateComponents|confirmationPending))*$"
))]
pub(crate) struct IncludedMembers(String);

/// Something that must hold of a user.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = r"^(scope:[!#-+\--\[\]-~]{1,64}|(plan|vendor):[^\x00-\x1f\x7f-\x9f]{1,256}|isActive:(true|false)|pending(:true)?)$"))]
pub(crate) struct Filter(String);

/// Some of them.
#[derive(JsonSchema)]
#[schemars(inline, extend("maxItems" = MAX_FILTERS))]
pub(crate) struct Filters(Vec<Filter>);

/// A part of a name.
#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = r"^[^\x00-\x1f\x7f-\x9f]+$", "minLength" = 1, "maxLength" = MAX_NAME_BYTES))]
pub(crate) struct Pattern(String);
