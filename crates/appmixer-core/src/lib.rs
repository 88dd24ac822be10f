//! The domain of an authentication server that speaks Appmixer's user API.
//!
//! Types that are valid once they exist ([`LoginName`], [`Scopes`], [`Password`], …), the traits that a
//! server fills in ([`Store`], [`PasswordHasher`], [`Clock`]), and the use cases over them as plain async
//! functions ([`sign_in()`], [`sign_up()`], [`authenticate`]). There is no HTTP, no SQL, no clock and no
//! randomness in here: whoever calls passes them in.
//!
//! ```
//! use appmixer_core::{LoginName, Names, Scopes, Username};
//!
//! // Names compare case-insensitively and show as they were given.
//! let names = Names::new(Some(Username::parse("Joe@Acme")?), None).expect("one name was given");
//! assert_eq!(names.email.as_str(), "Joe@Acme");
//! assert_eq!(names.email.as_login(), &LoginName::parse("joe@ACME")?);
//!
//! // What a caller may do is what both the token and the user's present scopes allow.
//! let token = Scopes::parse(["user", "admin"])?;
//! let present = Scopes::of_new_user();
//! assert!(!token.intersection(&present).has_admin());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod acl;
mod administer;
mod attempt;
mod audit;
mod audit_log;
mod change_password;
mod config;
mod config_warnings;
mod confirm;
mod context;
mod daily;
mod delivery;
mod domain;
mod forgot_password;
mod id;
mod import;
pub mod key_plan;
mod known_keys;
mod mail_target;
mod mail_template;
mod message;
mod name;
mod name_spelling;
mod origin;
mod outbox;
mod password;
mod password_policy;
mod profile;
mod refused;
mod reset_code;
mod scope;
mod set_up;
mod sign_in;
mod sign_up;
mod signing_key;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod user;
mod user_query;
mod visible_name;

pub use access::{AuthenticateError, Caller, Grant, InsufficientScope, authenticate};
pub use acl::{
    AclType, Action, Applicable, Asked, Decision, Deed, InvalidRule, MAX_RULE_LIST, MAX_RULE_TEXT_BYTES,
    MAX_RULES, NamedRoles, Question, Reason, Role, Roles, RouteIndex, Rule, RuleChange, RuleSet, RuleText,
    RulesByRole, changes_since_0_1, check, decide, decide_route, is_visible,
};
pub use administer::{ChangeUserError, change_user, delete_user, remove_config, replace_rules, set_config};
pub use attempt::{Attempt, AttemptOutcome};
pub use audit::{AuditDetails, AuditEntry, AuditKind, Beside};
pub use audit_log::{AuditId, AuditLog, AuditQuery, AuditRecord, InvalidAuditId, trim_audit_log};
pub use change_password::{
    ChangePasswordError, change_password, reset_password, set_password, sign_out_everywhere,
};
pub use config::{
    ConfigEntry, ConfigKey, InvalidConfig, MASK, MAX_ENTRIES, MAX_KEY_BYTES, MAX_VALUE_BYTES,
    MIN_WEBHOOK_SECRET_BYTES, SystemConfig,
};
pub use config_warnings::{ConfigWarning, config_warnings};
pub use confirm::{
    CONFIRMATION_CODE_LIFETIME, ConfirmError, ConfirmationCodes, MAX_CONFIRMATION_CODES,
    can_send_confirmations, confirm, resend_confirmation, send_confirmation,
};
pub use context::{Context, DEFAULT_TOKEN_LIFETIME, Rules, Session, open_session};
pub use daily::{Count, Counted, Daily, Day, MAX_DAYS, daily};
pub use delivery::{DeliveryLog, Latest, MailTest, MailTester};
pub use domain::{ascii_domain, ascii_url};
pub use forgot_password::{ForgotPasswordError, RedeemError, forgot_password, redeem_reset_code};
pub use id::{IdGenerator, InvalidId, Ticket, UserId};
pub use import::{Existing, Imported, Turn};
pub use known_keys::{
    API_USER_CREATE_SCOPE, DEFAULT_USER_VENDOR, DefaultValue, Group, JWT_SECRET, KNOWN_KEYS, Kind, KnownKey,
    MAIL_TLS, RENAMED_KEYS, write_only_keys,
};
pub use mail_target::{
    ConfigWrite, MailTarget, MailTls, SUBMISSIONS_PORT, concerns_mail_password, config_writes, mail_password,
    with_mail_password,
};
pub use mail_template::{has_link, with_link};
pub use message::{Channel, EVENT_LIFETIME, MAX_WAITING, Message, MessageId, OpenChannels, Payload};
pub use name::{Email, InvalidName, LoginName, MAX_NAME_BYTES, Names, Username};
pub use name_spelling::Spellings;
pub use origin::{Actor, Origin};
pub use outbox::{Claimed, NewCode, Outbox, ResetCodes, Settlement, Waiting};
pub use password::{
    HashError, HashQueue, InvalidPassword, MAX_PASSWORD_BYTES, Password, PasswordHash, PasswordHasher,
    QueueKey, Verdict,
};
pub use password_policy::{DEFAULT_MIN_PASSWORD_CHARS, MAX_PASSWORD_STRENGTH, PasswordPolicy};
pub use profile::{
    InvalidProfile, MAX_LIST_LENGTH, MAX_METADATA_BYTES, MAX_TEXT_BYTES, Metadata, Plan, Text, Vendor,
};
pub use refused::{MAX_REFUSED_PASSWORDS, RefusedPasswords, TooManyRefused};
pub use reset_code::{CodeDigest, CodeMaker, InvalidCode, MAX_RESET_CODES, RESET_CODE_LIFETIME, ResetCode};
pub use scope::{InvalidScope, MAX_SCOPE_BYTES, MAX_SCOPES, Scope, Scopes};
pub use set_up::{SetUpError, set_up};
pub use sign_in::{
    ChooseError, SignInError, choose_password, note_limited_sign_in, sign_in, sign_in_administrator,
};
pub use sign_up::{Privileges, SignUp, SignUpError, SignedUp, create_user, may_sign_up, sign_up};
pub use signing_key::{
    AddKey, InvalidKeyId, KEY_END_MARGIN, KeyId, KeyRecord, MAX_SIGNING_KEYS, OWN_SECRETS, Retired,
    SigningKeys, add_key, retire_key, signs_at,
};
pub use store::{
    AccessRules, Change, ChangeListener, NEWS_KEPT, Neighbours, News, Settings, Store, StoreError,
    TICKET_LIFETIME, Users, WriteError,
};
pub use time::{Clock, InvalidTime, SystemClock, Timestamp};
pub use user::{MAX_IMPORTED_GENERATION, OtherAdmin, User, UserChange};
pub use user_query::{
    DEFAULT_PAGE, Filter, InvalidFilter, InvalidPattern, InvalidSort, MAX_FILTERS, MAX_PAGE, Pattern, Sort,
    SortKey, Stretch, UserPage, UserQuery,
};
