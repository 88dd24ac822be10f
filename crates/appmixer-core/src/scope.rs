//! Scopes: what a user, and a token, may do.

use std::fmt;

use serde::{Serialize, Serializer};
use thiserror::Error;

/// The longest scope, in bytes.
pub const MAX_SCOPE_BYTES: usize = 64;
/// The most scopes that one user has: they all travel in each of the user's tokens.
pub const MAX_SCOPES: usize = 32;

/// Why a text is no scope, or a list no list of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidScope {
    /// Empty, or more than [`MAX_SCOPE_BYTES`].
    #[error("must have 1 to {MAX_SCOPE_BYTES} characters in each scope")]
    Length,
    /// A character outside the scope-token grammar (RFC 6749 section 3.3), or a comma.
    #[error(
        "must not contain white space, commas, quotes, backslashes or characters outside ASCII in a scope"
    )]
    ForbiddenCharacter,
    /// A new scope that access rules would read as something else.
    #[error("must not contain @ nor begin with group: or scope: in a new scope")]
    Reserved,
    /// More than [`MAX_SCOPES`].
    #[error("must have at most {MAX_SCOPES} scopes")]
    TooMany,
}

/// One scope: a scope-token of RFC 6749 section 3.3 without commas, since the system configuration
/// separates scopes by them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Box<str>);

impl Scope {
    /// Reads a scope.
    ///
    /// # Errors
    /// [`InvalidScope`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        if text.is_empty() || text.len() > MAX_SCOPE_BYTES {
            return Err(InvalidScope::Length);
        }
        if text.bytes().any(|b| !b.is_ascii_graphic() || matches!(b, b'"' | b'\\' | b',')) {
            return Err(InvalidScope::ForbiddenCharacter);
        }
        Ok(Self(text.into()))
    }

    /// `user`, what every new user has.
    #[must_use]
    pub fn user() -> Self {
        Self("user".into())
    }

    /// `admin`, what the administration routes need.
    #[must_use]
    pub fn admin() -> Self {
        Self("admin".into())
    }

    /// The scope's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether no new scope may have this form: access rules read it as an address, a domain or a group. Scopes that are
    /// stored already stay valid, but upstreams never see them.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0.contains('@') || self.0.starts_with("group:") || self.0.starts_with("scope:")
    }

    fn is_admin(&self) -> bool {
        &*self.0 == "admin"
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The scopes of a user or a token: no two alike, at most [`MAX_SCOPES`], in the order given.
///
/// ```
/// use appmixer_core::{Scope, Scopes};
///
/// let scopes = Scopes::parse(["admin", "user", "admin"])?;
/// assert_eq!(scopes.iter().map(Scope::as_str).collect::<Vec<_>>(), ["admin", "user"]);
/// # Ok::<(), appmixer_core::InvalidScope>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// No scope at all.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads each scope of a list.
    ///
    /// # Errors
    /// [`InvalidScope`] when an entry is no scope, or there are too many.
    pub fn parse<I, S>(texts: I) -> Result<Self, InvalidScope>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let mut scopes = Vec::new();
        for text in texts {
            let scope = Scope::parse(text.as_ref())?;
            if scopes.contains(&scope) {
                continue;
            }
            if scopes.len() == MAX_SCOPES {
                return Err(InvalidScope::TooMany);
            }
            scopes.push(scope);
        }
        Ok(Self(scopes))
    }

    /// Reads each scope of a list that is given to a new user.
    ///
    /// # Errors
    /// Those of [`Scopes::parse`], and [`InvalidScope::Reserved`].
    pub fn parse_new<I, S>(texts: I) -> Result<Self, InvalidScope>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let scopes = Self::parse(texts)?;
        scopes.check_added_to(&Self::none())?;
        Ok(scopes)
    }

    /// Checks that these may replace the scopes of a user, who keeps reserved ones that were there already.
    ///
    /// # Errors
    /// [`InvalidScope::Reserved`].
    pub fn check_added_to(&self, present: &Self) -> Result<(), InvalidScope> {
        let is_refused = |scope: &Scope| scope.is_reserved() && !present.contains(scope);
        if self.0.iter().any(is_refused) { Err(InvalidScope::Reserved) } else { Ok(()) }
    }

    /// Whether a scope among them is [reserved](Scope::is_reserved).
    #[must_use]
    pub fn has_reserved(&self) -> bool {
        self.0.iter().any(Scope::is_reserved)
    }

    /// Reads a comma-separated list, as the system configuration writes it.
    ///
    /// # Errors
    /// [`InvalidScope`] when an entry is no scope, or there are too many.
    pub fn parse_comma_separated(text: &str) -> Result<Self, InvalidScope> {
        Self::parse(text.split(',').map(str::trim))
    }

    /// What a new user gets: `user`.
    #[must_use]
    pub fn of_new_user() -> Self {
        Self(vec![Scope::user()])
    }

    /// What the first administrator has: `user` and `admin`.
    #[must_use]
    pub fn of_first_administrator() -> Self {
        Self(vec![Scope::user(), Scope::admin()])
    }

    /// Whether this scope is among them.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// Whether `admin` is among them.
    #[must_use]
    pub fn has_admin(&self) -> bool {
        self.0.iter().any(Scope::is_admin)
    }

    /// Whether all of the other's scopes are among these.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| self.contains(scope))
    }

    /// Whether one of the other's scopes is among these.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        other.0.iter().any(|scope| self.contains(scope))
    }

    /// The scopes that both have, in this one's order.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.iter().filter(|scope| other.contains(scope)).cloned().collect())
    }

    /// The scopes, in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether there is no scope.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_rule_has_its_error() {
        for (text, error) in [
            ("", InvalidScope::Length),
            ("a b", InvalidScope::ForbiddenCharacter),
            ("a,b", InvalidScope::ForbiddenCharacter),
            ("a\"", InvalidScope::ForbiddenCharacter),
            ("a\\", InvalidScope::ForbiddenCharacter),
            ("é", InvalidScope::ForbiddenCharacter),
            ("a\0", InvalidScope::ForbiddenCharacter),
        ] {
            assert_eq!(Scope::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Scope::parse(&"a".repeat(65)), Err(InvalidScope::Length));
        assert!(Scope::parse("acme1:read/write!").is_ok());
    }

    #[test]
    fn a_scope_that_rules_would_read_as_something_else_is_refused_where_it_is_new() {
        for reserved in ["@", "a@b", "@acme.com", "group:7", "scope:user", "scope:"] {
            assert_eq!(Scopes::parse_new(["user", reserved]), Err(InvalidScope::Reserved), "{reserved}");
            let stored = Scopes::parse([reserved]).unwrap();
            assert!(
                stored.has_reserved()
                    && Scopes::parse(["user", reserved]).unwrap().check_added_to(&stored).is_ok()
            );
            assert_eq!(stored.check_added_to(&Scopes::of_new_user()), Err(InvalidScope::Reserved));
        }
        for fine in ["group", "groups:7", "Group:7", "a:group:7", "flows.read"] {
            assert!(Scopes::parse_new([fine]).is_ok(), "{fine}");
        }
    }

    #[test]
    fn too_many_scopes_are_refused_but_repeats_do_not_count() {
        let many: Vec<_> = (0..=MAX_SCOPES).map(|i| format!("s{i}")).collect();
        assert_eq!(Scopes::parse(&many), Err(InvalidScope::TooMany));
        assert_eq!(Scopes::parse(["user"; 100]), Ok(Scopes::of_new_user()));
    }

    #[test]
    fn a_comma_separated_list_may_have_blanks() {
        let scopes = Scopes::parse_comma_separated("admin, developer").unwrap();
        assert_eq!(scopes, Scopes::parse(["admin", "developer"]).unwrap());
        assert_eq!(Scopes::parse_comma_separated("admin,,user"), Err(InvalidScope::Length));
        assert_eq!(Scopes::parse_comma_separated(""), Err(InvalidScope::Length));
    }

    proptest! {
        #[test]
        fn every_set_of_scopes_survives_its_text(texts in prop::collection::vec("[!#-+.-\\[\\]-~]{1,9}", 1..8)) {
            let scopes = Scopes::parse(&texts).unwrap();
            let joined: Vec<_> = scopes.iter().map(Scope::as_str).collect();
            prop_assert_eq!(Scopes::parse_comma_separated(&joined.join(",")), Ok(scopes));
        }

        #[test]
        fn an_intersection_holds_exactly_what_both_have(one in "[a-d](,[a-d]){0,6}", other in "[a-d](,[a-d]){0,6}") {
            let (one, other) =
                (Scopes::parse_comma_separated(&one).unwrap(), Scopes::parse_comma_separated(&other).unwrap());
            let both = one.intersection(&other);
            prop_assert!(one.includes(&both) && other.includes(&both));
            prop_assert_eq!(one.intersects(&other), !both.is_empty());
            for scope in one.iter() {
                prop_assert_eq!(both.contains(scope), other.contains(scope));
            }
        }
    }
}
