//! `/user` and below: signing up and in, and one's own account.

use appmixer_core::{
    ChangePasswordError, ConfirmError, InsufficientScope, InvalidCode, InvalidName, InvalidPassword,
    RedeemError, SignInError, WriteError,
};
use schemars::JsonSchema;
use schemars::transform::Transform;
use serde_json::json;

use crate::error::ApiError;
use crate::openapi::alternatives::at_least_one;
use crate::openapi::book::{Book, Who};
use crate::openapi::samples::Samples;
use crate::openapi::wire::{Name, NewName, NewPassword, Object, Password, Scopes, Text, TextOrTexts};
use crate::router::Resource;
use crate::views::{Done, SignInView, SignUpView, TokenView, UserView};

/// Who signs in. One of the two names must be there; `username` counts when both are.
#[derive(JsonSchema)]
#[schemars(transform = one_name("SignIn"))]
#[expect(dead_code, reason = "only its schema is asked for")]
struct SignIn {
    /// The username or the email address, in any case.
    username: Option<Name>,
    /// The same.
    email: Option<Name>,
    password: Password,
}

/// A new user. One of the two names must be there; the other takes its value. Only administrators may set
/// `scope`, `plan`, `vendor` and `isActive`.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", transform = one_name("SignUp"))]
#[expect(dead_code, reason = "only its schema is asked for")]
struct SignUp {
    username: Option<NewName>,
    email: Option<NewName>,
    password: NewPassword,
    metadata: Option<Object>,
    /// `["user"]` by default.
    scope: Option<Scopes>,
    /// `free` by default.
    plan: Option<Text>,
    /// What `DEFAULT_USER_VENDOR` of the system configuration says by default. A text is taken as a list of one.
    vendor: Option<TextOrTexts>,
    /// Whether the address is confirmed; by default not.
    is_active: Option<bool>,
}

/// A new user, as a form: only members that are texts.
#[derive(JsonSchema)]
#[schemars(transform = one_name("SignUpForm"))]
#[expect(dead_code, reason = "only its schema is asked for")]
struct SignUpForm {
    username: Option<NewName>,
    email: Option<NewName>,
    password: NewPassword,
    /// Administrators alone.
    plan: Option<Text>,
    /// Administrators alone.
    vendor: Option<Text>,
}

/// What of the profile changes.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is asked for")]
struct OwnProfile {
    /// Replaces what was; absent or `null`, it stays.
    metadata: Option<Object>,
}

/// A change of one's own password.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is asked for")]
struct ChangePassword {
    old_password: Password,
    new_password: NewPassword,
}

/// Whose password becomes which. `username` counts when both names are there.
#[derive(JsonSchema)]
#[schemars(transform = one_name("ResetPassword"))]
#[expect(dead_code, reason = "only its schema is asked for")]
struct ResetPassword {
    /// The username or the email address, in any case.
    username: Option<Name>,
    /// The same.
    email: Option<Name>,
    password: NewPassword,
}

/// Who has forgotten a password.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is asked for")]
struct ForgotPassword {
    /// The username or the email address, in any case.
    email: Name,
}

/// A new password, and the code that allows it.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is asked for")]
struct RedeemCode {
    /// As it was sent.
    code: Text,
    password: NewPassword,
}

/// The code that was sent to the address, and the password of the user whom it was sent to.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is asked for")]
struct ConfirmAddress {
    /// As it was sent.
    code: Text,
    password: Password,
}

/// Requires one of the two names, and not as `null`, which means absent.
fn one_name(title: &'static str) -> impl Transform {
    at_least_one(title, ["username", "email"])
}

pub(super) fn write(book: &mut Book, samples: &Samples) {
    let required = |member: &'static str| ApiError::invalid_one(member, &"is required");
    let bad_name = || ApiError::invalid_one("username", &InvalidName::NotAnAddress);
    let policy = |member: &'static str| ApiError::invalid_one(member, &InvalidPassword::TooShort(6));

    book.subject("Account", "Signing up and in, and what users do with their own account.");
    book.route("POST", Resource::SignIn, "signIn", "Sign in", Who::Anybody)
        .body::<SignIn>(json!({ "username": "abc@example.com", "password": "abc321" }))
        .form::<SignIn>(json!({ "username": "abc@example.com", "password": "abc321" }))
        .answers("The user and a token.", &SignInView::of(&samples.user, samples.token))
        .fails(required("password"), "a member is missing")
        .fails(bad_name(), "a member does not have its form")
        .fails(SignInError::BadCredentials, "the password is wrong, or there is no such user")
        .fails(
            SignInError::NotActive,
            "`isActive` is false, and the operator wants it true (`users.require_active`)",
        )
        .limited("sign-in", 100, "too many passwords from here were wrong, or too many for this account; the password is not looked at")
        .done();
    book.route("POST", Resource::User, "signUp", "Make a user", Who::AnybodyOrToken)
        .about("Open to everybody, unless `API_USER_CREATE_SCOPE` of the system configuration is set: then a token \
            with one of its scopes is needed. A token that comes along is checked either way. The new user is on disk \
            when the answer comes.")
        .body::<SignUp>(json!({ "username": "abc@example.com", "email": "abc@example.com", "password": "abc321" }))
        .form::<SignUpForm>(json!({ "username": "abc@example.com", "password": "abc321" }))
        .answers("The user and a token. With `users.require_active` a user who is not active yet gets none: the \
            address is confirmed first.", &SignUpView {
            token: Some(samples.token),
            user: UserView::of(&samples.user),
        })
        .leads_to("getOneUser", &[("userId", "$response.body#/user/id")])
        .leads_to("updateUser", &[("userId", "$response.body#/user/id")])
        .leads_to("deleteUser", &[("userId", "$response.body#/user/id")])
        .fails(required("username"), "a member is missing")
        .fails(bad_name(), "a member does not have its form")
        .fails(policy("password"), "the password is too short, too long, known to be common or easy to guess")
        .fails(InsufficientScope, "making users is restricted and the scope is not enough, or an administrator's \
            member comes from somebody else")
        .fails(WriteError::NameTaken, "somebody has it, as username or as email address")
        .limited("sign-up", 1000, "too many users were made from here; not for administrators, nor where making users is restricted")
        .done();
    book.route("GET", Resource::User, "getUser", "Who am I", Who::User)
        .answers("The user of the token.", &UserView::of(&samples.user))
        .fails(WriteError::NotFound, "the token is good, and its user is gone")
        .done();
    book.route("PUT", Resource::User, "updateProfile", "Change one's own profile", Who::User)
        .body::<OwnProfile>(json!({ "metadata": { "shoeSize": 43 } }))
        .answers("The user as it is now.", &UserView::of(&samples.user))
        .fails(ApiError::invalid_one("metadata", &"must be an object"), "it is something else, or too large")
        .fails(WriteError::NotFound, "the user was deleted meanwhile")
        .done();
    book.route("POST", Resource::ChangePassword, "changePassword", "Change one's own password", Who::User)
        .about("Every token of the user stops working, the one that asks too; the answer holds a new one.")
        .body::<ChangePassword>(json!({ "oldPassword": "abc321", "newPassword": "a better one" }))
        .answers("The password is changed.", &TokenView { token: samples.token })
        .fails(required("oldPassword"), "a member is missing")
        .fails(policy("newPassword"), "looked for before the old password is checked")
        .fails(ChangePasswordError::WrongPassword, "the old password is another one")
        .fails(WriteError::NotFound, "the user was deleted meanwhile")
        .limited("change-password", 100, "too many passwords were wrong")
        .done();
    book.route(
        "POST",
        Resource::SignOutEverywhere,
        "signOutEverywhere",
        "End all of one's tokens",
        Who::User,
    )
    .about("Every token of the user stops working, the one that asks too. There is no body.")
    .answers("It is done.", &Done {})
    .fails(WriteError::NotFound, "the user was deleted meanwhile")
    .done();
    book.route("POST", Resource::ResetPassword, "resetPassword", "Set somebody's password", Who::Admin)
        .about("The user's tokens stop working.")
        .body::<ResetPassword>(json!({ "email": "abc@example.com", "password": "a better one" }))
        .answers("It is done.", &Done {})
        .fails(required("username"), "a member is missing")
        .fails(bad_name(), "a member does not have its form")
        .fails(policy("password"), "the password is too short, too long, known to be common or easy to guess")
        .fails(WriteError::NotFound, "nobody has the name")
        .done();
    write_forgotten(book);
}

fn write_forgotten(book: &mut Book) {
    let required = |member: &'static str| ApiError::invalid_one(member, &"is required");
    let policy = |member: &'static str| ApiError::invalid_one(member, &InvalidPassword::TooShort(6));
    book.route("POST", Resource::ForgotPassword, "forgotPassword", "Ask for a code", Who::Anybody)
        .about(
            "Whoever has the name is sent a code that is good for one hour and one use, by mail or webhook, \
            whichever is configured. The answer is the same, and takes as long, if nobody has it.",
        )
        .body::<ForgotPassword>(json!({ "email": "abc@example.com" }))
        .answers("It is noted.", &Done {})
        .fails(required("email"), "the member is missing")
        .fails(ApiError::invalid_one("email", &InvalidName::NotAnAddress), "nobody can have that name")
        .limited("forgot-password", 100, "too many codes were asked for, from here or for this name")
        .done();
    let code = "TZf0LhWq5rEYVd0fLxGPrUdCwCFV2Pz7gBnnGbDq3Ws";
    book.route(
        "POST",
        Resource::RedeemCode,
        "redeemCode",
        "Set one's own password with a code",
        Who::Anybody,
    )
    .about("The user's tokens stop working, and so do the user's other codes. Nobody is signed in.")
    .body::<RedeemCode>(json!({ "code": code, "password": "a better one" }))
    .answers("It is done.", &Done {})
    .fails(required("code"), "a member is missing")
    .fails(ApiError::invalid_one("code", &InvalidCode), "it does not look like a code")
    .fails(RedeemError::BadCode, "it was used or replaced, is older than an hour, or never was a code")
    .fails(
        policy("password"),
        "too short, too long, known to be common or easy to guess; the code stays good",
    )
    .limited("redeem-code", 100, "too many codes from here were not good")
    .done();
    book.route("POST", Resource::Confirm, "confirmAddress", "Confirm one's own address with a code", Who::Anybody)
        .about(
            "The user becomes active. A code is sent at sign-up, and by `/user/confirm/resend`, if the operator wants \
            addresses confirmed (`users.require_active`, `users.confirm`). It is valid for 24 hours and one use, and \
            only with the user's password. The user is not signed in.",
        )
        .body::<ConfirmAddress>(json!({ "code": code, "password": "abc321" }))
        .answers("The user is active.", &Done {})
        .fails(required("code"), "a member is missing")
        .fails(
            ConfirmError::BadCredentials,
            "the code was used or replaced, is older than a day or never was one, or the password is wrong",
        )
        .limited("sign-in", 100, "too many passwords or codes from here were wrong, or too many for this code")
        .done();
    book.route("POST", Resource::ResendCode, "resendConfirmation", "Ask for another code", Who::Anybody)
        .about(
            "A user who has this name and has not confirmed the address is sent a code, by mail or webhook. The answer \
            is the same, and takes as long, for any other name.",
        )
        .body::<ForgotPassword>(json!({ "email": "abc@example.com" }))
        .answers("It is noted.", &Done {})
        .fails(required("email"), "the member is missing")
        .fails(ApiError::invalid_one("email", &InvalidName::NotAnAddress), "nobody can have that name")
        .limited("forgot-password", 100, "too many codes were asked for, from here or for this name")
        .done();
}
