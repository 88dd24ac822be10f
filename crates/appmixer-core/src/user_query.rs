//! Which users are asked for, and in what order (contract, `GET /users`).

use thiserror::Error;

use crate::name::{MAX_NAME_BYTES, fold};
use crate::profile::{InvalidProfile, Plan, Text};
use crate::scope::{InvalidScope, Scope};
use crate::user::User;

/// The most users on one page.
pub const MAX_PAGE: u32 = 1000;

/// The users on a page, unless the request says how many.
pub const DEFAULT_PAGE: u32 = 100;

/// The most filters in one question.
pub const MAX_FILTERS: usize = 8;

/// Something that must hold of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Has this scope.
    Scope(Scope),
    /// Is on this plan.
    Plan(Plan),
    /// Has this vendor among others.
    Vendor(Text),
    /// Has a confirmed address, or none.
    IsActive(bool),
    /// May still confirm the address.
    Pending,
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidFilter {
    /// Not `name:value` with a name that is known.
    #[error("must be scope:…, plan:…, vendor:…, isActive:… or pending")]
    Unknown,
    /// The value is no scope.
    #[error(transparent)]
    Scope(#[from] InvalidScope),
    /// The value is no plan or vendor.
    #[error(transparent)]
    Profile(#[from] InvalidProfile),
    /// The value is neither `true` nor `false`.
    #[error("must be isActive:true or isActive:false")]
    NotBoolean,
}

impl Filter {
    /// Reads a filter as the API writes it, such as `scope:acme1`.
    ///
    /// # Errors
    /// [`InvalidFilter`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidFilter> {
        if matches!(text, "pending" | "pending:true") {
            return Ok(Self::Pending);
        }
        let (name, value) = text.split_once(':').ok_or(InvalidFilter::Unknown)?;
        match name {
            "scope" => Ok(Self::Scope(Scope::parse(value)?)),
            "plan" => Ok(Self::Plan(Plan::parse(value)?)),
            "vendor" => Ok(Self::Vendor(Text::parse(value)?)),
            "isActive" => value.parse().map(Self::IsActive).map_err(|_| InvalidFilter::NotBoolean),
            _ => Err(InvalidFilter::Unknown),
        }
    }

    /// Everything that can be filtered by and holds of a user, each once.
    pub fn all_of(user: &User) -> impl Iterator<Item = Self> {
        let vendors = user.vendor.as_list().unwrap_or_default();
        let once = |(at, vendor): (usize, &Text)| (!vendors[..at].contains(vendor)).then(|| vendor.clone());
        user.scopes
            .iter()
            .cloned()
            .map(Self::Scope)
            .chain([Self::Plan(user.plan.clone()), Self::IsActive(user.is_active)])
            .chain(user.confirmation_pending.then_some(Self::Pending))
            .chain(vendors.iter().enumerate().filter_map(once).map(Self::Vendor))
    }
}

/// A part of a username or email address, in the form by which names compare.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>);

/// Why a text can be part of no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPattern {
    /// Empty, or longer than any name.
    #[error("must have 1 to {MAX_NAME_BYTES} bytes")]
    Length,
    /// NUL, a line break or another control character.
    #[error("must not contain control characters")]
    ControlCharacter,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`InvalidPattern`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if text.chars().any(char::is_control) {
            return Err(InvalidPattern::ControlCharacter);
        }
        // Folding can make a text longer, or shorter.
        if text.is_empty() || text.len() > MAX_NAME_BYTES {
            return Err(InvalidPattern::Length);
        }
        Ok(Self(fold(text).into()))
    }

    /// The folded text.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.0
    }
}

/// What somebody types to find a user is a part of a name.
impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pattern(..)")
    }
}

/// Which users are asked for: those of whom everything holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserQuery {
    /// All of these hold.
    pub filters: Vec<Filter>,
    /// The username or the email address contains it.
    pub pattern: Option<Pattern>,
}

/// What users are put in order by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortKey {
    /// The time when they were made.
    #[default]
    Created,
    /// The username, folded.
    Username,
    /// The email address, folded.
    Email,
}

/// The order of a list. Users who are equal in it stand in the order in which they were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// The greatest first.
    pub descending: bool,
}

/// The newest first.
impl Default for Sort {
    fn default() -> Self {
        Self { key: SortKey::Created, descending: true }
    }
}

/// The text is no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be created, username or email, followed by :1 or :-1")]
pub struct InvalidSort;

impl Sort {
    /// Reads an order as the API writes it, such as `created:-1`. Without a direction, the smallest comes first.
    ///
    /// # Errors
    /// [`InvalidSort`].
    pub fn parse(text: &str) -> Result<Self, InvalidSort> {
        let (key, direction) = text.split_once(':').unwrap_or((text, "1"));
        let key = match key {
            "created" => SortKey::Created,
            "username" => SortKey::Username,
            "email" => SortKey::Email,
            _ => return Err(InvalidSort),
        };
        match direction {
            "1" => Ok(Self { key, descending: false }),
            "-1" => Ok(Self { key, descending: true }),
            _ => Err(InvalidSort),
        }
    }
}

/// A stretch of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// How many users come before it.
    pub offset: u64,
    /// How many it has at most; 1 to [`MAX_PAGE`].
    pub limit: u32,
}

/// A stretch of the users who were asked for, and how many there are in all.
#[derive(Clone, Debug, PartialEq)]
pub struct UserPage {
    /// Those on the page.
    pub users: Vec<User>,
    /// All of them, at the same moment.
    pub total: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn filters_are_a_known_name_and_a_value_of_its_kind() {
        assert_eq!(Filter::parse("scope:acme1"), Ok(Filter::Scope(Scope::parse("acme1").unwrap())));
        assert_eq!(Filter::parse("vendor:a:b"), Ok(Filter::Vendor(Text::parse("a:b").unwrap())));
        assert_eq!(Filter::parse("isActive:false"), Ok(Filter::IsActive(false)));
        assert_eq!(Filter::parse("pending"), Ok(Filter::Pending));
        assert_eq!(Filter::parse("pending:true"), Ok(Filter::Pending));
        for unknown in ["", "scope", "shoe:47", ":x", "Scope:a", "pending:false"] {
            assert_eq!(Filter::parse(unknown), Err(InvalidFilter::Unknown), "{unknown}");
        }
        assert_eq!(Filter::parse("isActive:yes"), Err(InvalidFilter::NotBoolean));
        assert!(matches!(Filter::parse("scope:a b"), Err(InvalidFilter::Scope(_))));
        assert!(matches!(Filter::parse("plan:"), Err(InvalidFilter::Profile(_))));
    }

    #[test]
    fn orders_have_a_key_and_a_direction() {
        assert_eq!(Sort::parse("created:-1"), Ok(Sort::default()));
        assert_eq!(Sort::parse("email"), Ok(Sort { key: SortKey::Email, descending: false }));
        for bad in ["", "created:", "created:2", "id:1", "created:-1:1", "created:+1"] {
            assert_eq!(Sort::parse(bad), Err(InvalidSort), "{bad}");
        }
    }

    #[test]
    fn a_pattern_compares_as_names_do_and_stays_out_of_debug() {
        assert_eq!(Pattern::parse("JOE").unwrap().folded(), "joe");
        assert_eq!(Pattern::parse(""), Err(InvalidPattern::Length));
        assert_eq!(Pattern::parse(&"a".repeat(255)), Err(InvalidPattern::Length));
        assert_eq!(Pattern::parse("a\nb"), Err(InvalidPattern::ControlCharacter));
        assert_eq!(format!("{:?}", Pattern::parse("joe").unwrap()), "Pattern(..)");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in any::<String>()) {
            let _ = Filter::parse(&text);
            let _ = Sort::parse(&text);
            let _ = Pattern::parse(&text);
        }
    }
}
