//! `/users` and below: administering users.

use std::fmt::Display;

use appmixer_core::{
    InvalidFilter, InvalidName, InvalidPassword, InvalidPattern, InvalidSort, MAX_FILTERS, WriteError,
};
use schemars::JsonSchema;
use serde_json::json;

use crate::error::ApiError;
use crate::openapi::book::{Book, Who, Writing};
use crate::openapi::samples::Samples;
use crate::openapi::wire::{
    Filters, IncludedMembers, Limit, NewName, NewPassword, Object, Offset, Pattern, Scopes, SortOrder, Text,
    TextOrTexts,
};
use crate::router::Resource;
use crate::views::{AdministeredUser, CountView, Done, Included, StatusView, TicketView, UNKNOWN_MEMBER};

/// What changes. What is absent or `null` stays, but for `"vendor":null`, which takes the vendors away.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is asked for")]
struct UserChanges {
    username: Option<NewName>,
    email: Option<NewName>,
    /// Ends the user's tokens.
    password: Option<NewPassword>,
    /// A scope less ends the user's tokens; one more counts from the next sign-in.
    scope: Option<Scopes>,
    plan: Option<Text>,
    vendor: Option<TextOrTexts>,
    /// With another `email` and without this, the user becomes inactive and has to confirm the address.
    is_active: Option<bool>,
    /// Replaces what was.
    metadata: Option<Object>,
    /// Components that the user sees although they are private.
    allowed_private_components: Option<Vec<Text>>,
}

/// The parameters that say which users.
fn asked_for(route: Writing<'_>) -> Writing<'_> {
    route
        .query::<Filters>(
            "filter",
            "`scope:…`, `plan:…`, `vendor:…`, `isActive:true`, `isActive:false` or `pending`; again and again for several. \
            All must hold.",
            vec!["scope:user"],
        )
        .query::<Pattern>("pattern", "A part of the username or of the email address, in any case.", "joe")
        .fails(wrong("filter", &InvalidFilter::Unknown), "it is something else")
        .fails(wrong("filter", &format_args!("must be given at most {MAX_FILTERS} times")), "there are more")
        .fails(wrong("pattern", &InvalidPattern::Length), "it is no part of a name")
}

fn wrong(name: &'static str, message: &dyn Display) -> ApiError {
    ApiError::invalid_one(name, &message)
}

pub(super) fn write(book: &mut Book, samples: &Samples) {
    let whose = "Whose: 24 lower-case hexadecimal digits.";

    book.subject("Users", "Administering users.");
    asked_for(book.route("GET", Resource::Users, "listUsers", "The users, page by page", Who::Admin))
        .about(
            "Page, total and links are of one moment. A page without `filter` and `pattern` takes the same time at \
            any offset.",
        )
        .query::<Limit>("limit", "Users on a page.", 20)
        .query::<Offset>("offset", "Users before the page.", 0)
        .query::<SortOrder>("sort", "By what, and in which direction: `:1`, or `:-1` for the greatest first.", "username:1")
        .answers("The users of the page.", &vec![AdministeredUser::of(&samples.user)])
        .header("X-Total-Count")
        .may_have("Link")
        .fails(wrong("limit", &"must be a whole number from 1 to 1000"), "also of `offset`, with its own range")
        .fails(wrong("sort", &InvalidSort), "it is something else")
        .done();
    asked_for(book.route("GET", Resource::UserCount, "countUsers", "How many users there are", Who::Admin))
        .answers("As many as the list would have on all pages.", &CountView { count: 250 })
        .done();
    book.route("GET", Resource::OneUser, "getOneUser", "One user", Who::Admin)
        .id("userId", whose)
        .query::<IncludedMembers>(
            "include",
            "`allowedPrivateComponents` shows the private components that the user sees all the same, \
            `confirmationPending` whether the user may still confirm the address. With a comma between, both.",
            "allowedPrivateComponents,confirmationPending",
        )
        .answers("The user.", &AdministeredUser::with(&samples.user, Included::ALL))
        .fails(wrong("include", &UNKNOWN_MEMBER), "it is something else")
        .fails(WriteError::NotFound, "nobody has the id")
        .done();
    book.route("PUT", Resource::OneUser, "updateUser", "Change a user", Who::Admin)
        .about("Either all members are taken or none.")
        .id("userId", whose)
        .body::<UserChanges>(json!({ "scope": ["user", "tester"], "vendor": "acme", "isActive": true }))
        .answers("The user as it is now.", &AdministeredUser::of(&samples.user))
        .fails(
            ApiError::invalid_one("username", &InvalidName::NotAnAddress),
            "a member does not have its form",
        )
        .fails(
            ApiError::invalid_one("password", &InvalidPassword::TooShort(6)),
            "the password is too short, too long, known to be common or easy to guess",
        )
        .fails(WriteError::NotFound, "nobody has the id")
        .fails(WriteError::NameTaken, "somebody has it, as username or as email address")
        .fails(
            WriteError::LastAdmin,
            "no one else has the scope `admin`, or no one else who is active has it: with `users.require_active`, or \
            if the address changes without `isActive`",
        )
        .done();
    book.route("DELETE", Resource::OneUser, "deleteUser", "Delete a user", Who::Admin)
        .about("The user, its names and its tokens are gone at once, in one step.")
        .id("userId", whose)
        .answers("It is done.", &TicketView { ticket: samples.ticket })
        .leads_to("getDeletion", &[("ticket", "$response.body#/ticket"), ("userId", "$request.path.userId")])
        .fails(WriteError::NotFound, "nobody has the id")
        .fails(WriteError::LastAdmin, "nobody else has the scope `admin`")
        .done();
    book.route("GET", Resource::Deletion, "getDeletion", "What became of a deletion", Who::Admin)
        .about("A ticket answers for 24 hours after the user is gone.")
        .id("userId", "Who was deleted.")
        .id("ticket", "What `DELETE` answered with.")
        .answers("How it stands.", &StatusView { status: "completed" })
        .fails(ApiError::not_found("There is no such ticket"), "not for this user, or too old")
        .done();
    book.route("POST", Resource::SignOutUser, "signOutUser", "End a user's tokens", Who::Admin)
        .about("Every token of the user stops working at once. The user can sign in again.")
        .id("userId", whose)
        .answers("It is done.", &Done {})
        .fails(WriteError::NotFound, "nobody has the id")
        .done();
}
