//! The names that a user signs in with.

use std::fmt;
use std::hash::{Hash, Hasher};

use thiserror::Error;
use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

/// The longest name, in bytes of UTF-8 (RFC 5321 section 4.5.3.1, as the contract has it).
pub const MAX_NAME_BYTES: usize = 254;

/// Why a text is no sign-in name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidName {
    /// More than [`MAX_NAME_BYTES`], as given or in its compared form.
    #[error("must be at most {MAX_NAME_BYTES} bytes long")]
    TooLong,
    /// Not one `@` with something on both sides.
    #[error("must have the format of an email address")]
    NotAnAddress,
    /// A blank, NUL, line break or another invisible control character.
    #[error("must not contain white space or control characters")]
    ForbiddenCharacter,
    /// In a name that a user is to be given: a character that cannot be seen.
    #[error("must not contain invisible characters")]
    InvisibleCharacter,
    /// In a name that a user is to be given: a domain that mail servers know by another spelling.
    #[error("must have a domain in its usual spelling, without fullwidth characters or a dot at the end")]
    UnusualDomain,
}

/// What somebody types to sign in: a username or an email address, which share one namespace.
///
/// It has one `@` with something on both sides, at most 254 bytes, no white space and no control
/// characters. It compares by its folded form (Unicode NFC, case folded) and shows as it was given.
///
/// ```
/// use appmixer_core::LoginName;
///
/// let name = LoginName::parse("Joe@Acme")?;
/// assert_eq!(name, LoginName::parse("joe@acme")?);
/// assert_eq!(name.as_str(), "Joe@Acme");
/// # Ok::<(), appmixer_core::InvalidName>(())
/// ```
#[derive(Clone)]
pub struct LoginName {
    shown: Box<str>,
    folded: Box<str>,
}

impl LoginName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`InvalidName`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if text.len() > MAX_NAME_BYTES {
            return Err(InvalidName::TooLong);
        }
        if text.chars().any(is_forbidden) {
            return Err(InvalidName::ForbiddenCharacter);
        }
        let folded = fold(text);
        if folded.len() > MAX_NAME_BYTES {
            return Err(InvalidName::TooLong);
        }
        match folded.split_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !domain.contains('@') => {
                Ok(Self { shown: text.into(), folded: folded.into() })
            }
            _ => Err(InvalidName::NotAnAddress),
        }
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The form by which names compare, and by which a store looks them up.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

/// Control characters, blanks, and the invisible marks that reorder or hide text: two names that
/// look the same to an administrator should not differ by one of these.
fn is_forbidden(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let composed: String = text.nfc().collect();
    // Folding can leave a sequence that composes again.
    UniCase::unicode(composed).to_folded_case().nfc().collect()
}

impl PartialEq for LoginName {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for LoginName {}

impl Hash for LoginName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

/// Names are personal data: they stay out of logs that print values with `{:?}`.
impl fmt::Debug for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginName(..)")
    }
}

macro_rules! role_of_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(LoginName);

        impl $name {
            /// Reads the name.
            ///
            /// # Errors
            /// [`InvalidName`] says which rule the text breaks.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                LoginName::parse(text).map(Self)
            }

            /// The name as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The name as one that signs in.
            #[must_use]
            pub const fn as_login(&self) -> &LoginName {
                &self.0
            }
        }

        impl From<LoginName> for $name {
            fn from(name: LoginName) -> Self {
                Self(name)
            }
        }
    };
}

role_of_name! {
    /// A user's sign-in name, in the shape of an email address.
    Username
}

role_of_name! {
    /// A user's email address.
    Email
}

/// The two names of a user, at least one of which was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The sign-in name.
    pub username: Username,
    /// The email address.
    pub email: Email,
}

impl Names {
    /// Both names; a missing one takes the other's value. `None` when neither was given.
    #[must_use]
    pub fn new(username: Option<Username>, email: Option<Email>) -> Option<Self> {
        match (username, email) {
            (Some(username), Some(email)) => Some(Self { username, email }),
            (Some(Username(name)), None) | (None, Some(Email(name))) => {
                Some(Self { username: Username(name.clone()), email: Email(name) })
            }
            (None, None) => None,
        }
    }

    /// The different names, as a store's namespace keeps them: one, or two.
    pub fn logins(&self) -> impl Iterator<Item = &LoginName> {
        let second = (self.username.0 != self.email.0).then_some(&self.email.0);
        std::iter::once(&self.username.0).chain(second)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_without_a_real_domain_are_welcome() {
        for text in ["5f1e@acme", "a@b", "joe+tag@acme.example", "žofie@příklad.cz", "a'b\"c@d"] {
            assert_eq!(LoginName::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn every_rule_has_its_error() {
        let long = format!("{}@b", "a".repeat(253));
        for (text, error) in [
            (long.as_str(), InvalidName::TooLong),
            ("", InvalidName::NotAnAddress),
            ("joe", InvalidName::NotAnAddress),
            ("@acme", InvalidName::NotAnAddress),
            ("joe@", InvalidName::NotAnAddress),
            ("joe@a@b", InvalidName::NotAnAddress),
            ("joe @acme", InvalidName::ForbiddenCharacter),
            ("joe@acme\n", InvalidName::ForbiddenCharacter),
            ("joe\0@acme", InvalidName::ForbiddenCharacter),
            ("joe\u{200b}@acme", InvalidName::ForbiddenCharacter),
            ("joe\u{a0}@acme", InvalidName::ForbiddenCharacter),
        ] {
            assert_eq!(LoginName::parse(text), Err(error), "{text:?}");
        }
        assert!(LoginName::parse(&format!("{}@b", "a".repeat(252))).is_ok());
    }

    #[test]
    fn names_compare_by_case_and_composition_beyond_ascii() {
        for (one, other) in [
            ("JOE@ACME", "joe@acme"),
            ("ŽOFIE@X", "žofie@x"),
            ("Ž@x", "Z\u{30c}@x"),
            ("straße@x", "STRASSE@X"),
            ("Σίσυφος@x", "ΣΊΣΥΦΟΣ@x"),
        ] {
            assert_eq!(LoginName::parse(one).unwrap(), LoginName::parse(other).unwrap(), "{one} {other}");
        }
        assert_ne!(LoginName::parse("joe@x").unwrap(), LoginName::parse("jóe@x").unwrap());
    }

    #[test]
    fn a_missing_name_takes_the_others_value() {
        let joe = || LoginName::parse("joe@acme").unwrap();
        let names = Names::new(None, Some(joe().into())).unwrap();
        assert_eq!(names.username.as_str(), "joe@acme");
        assert_eq!(names.logins().count(), 1);
        let both = Names::new(Some(joe().into()), Some(Email::parse("j@x").unwrap())).unwrap();
        assert_eq!(both.logins().count(), 2);
        assert_eq!(Names::new(None, None), None);
    }

    #[test]
    fn debug_does_not_show_the_name() {
        assert!(!format!("{:?}", Username::parse("joe@acme").unwrap()).contains("joe"));
    }

    proptest! {
        #[test]
        fn a_valid_name_folds_to_a_valid_name_that_is_equal(text in "\\PC{1,20}@\\PC{1,20}") {
            if let Ok(name) = LoginName::parse(&text) {
                let again = LoginName::parse(name.folded()).unwrap();
                prop_assert_eq!(again.folded(), name.folded());
                prop_assert_eq!(again, name);
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = LoginName::parse(&text);
        }
    }
}
