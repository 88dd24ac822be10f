//! Names that a user is given: none differs from another one only by what cannot be seen, or by an unusual spelling of its
//! domain.
//!
//! Names that are stored already are read by the rules of [`LoginName`] alone, so that their users keep signing in.

use icu_properties::CodePointSetData;
use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint};

use crate::name::{Email, InvalidName, LoginName, Names, Username};
use crate::user::{User, UserChange};

/// Characters with a blank glyph that neither of the two properties has, since Unicode counts them as symbols:
/// the Braille pattern without dots, and the musical symbol without a note head.
const BLANK_SYMBOLS: [char; 2] = ['\u{2800}', '\u{1d159}'];

fn is_invisible(c: char) -> bool {
    // Most characters of most names.
    if c.is_ascii() {
        return false;
    }
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointSetData::new::<BidiControl>().contains(c)
        || BLANK_SYMBOLS.contains(&c)
}

fn has_invisible(name: &LoginName) -> bool {
    // The folded form too: what it is composed of must not hide anything either.
    !name.as_str().is_ascii() && name.as_str().chars().chain(name.folded().chars()).any(is_invisible)
}

/// Why a user is not given a name that can be stored.
fn refused(name: &LoginName) -> Option<InvalidName> {
    if has_invisible(name) {
        return Some(InvalidName::InvisibleCharacter);
    }
    (!name.has_usual_domain()).then_some(InvalidName::UnusualDomain)
}

fn new(text: &str) -> Result<LoginName, InvalidName> {
    let name = LoginName::parse(text)?;
    refused(&name).map_or(Ok(name), Err)
}

impl Username {
    /// Reads a name that a user is to be given.
    ///
    /// # Errors
    /// [`InvalidName`], also for a character that cannot be seen and for a domain in an unusual spelling.
    pub fn parse_new(text: &str) -> Result<Self, InvalidName> {
        new(text).map(Self::from)
    }
}

impl Email {
    /// Reads an address that a user is to be given.
    ///
    /// # Errors
    /// [`InvalidName`], also for a character that cannot be seen and for a domain in an unusual spelling.
    pub fn parse_new(text: &str) -> Result<Self, InvalidName> {
        new(text).map(Self::from)
    }
}

impl UserChange {
    /// Whether a name in the change would be refused if it is new: [`UserChange::refused_name`] says so then.
    #[must_use]
    pub fn has_questionable_name(&self) -> bool {
        self.logins().any(|(_, name)| refused(name).is_some())
    }

    /// The member by which the change gives the user a new name that no user is given, and why. A name that the user
    /// has already may be written back.
    #[must_use]
    pub fn refused_name(&self, user: &User) -> Option<(&'static str, InvalidName)> {
        self.logins().find_map(|(member, name)| {
            refused(name).filter(|_| !user.names.has(name)).map(|reason| (member, reason))
        })
    }

    fn logins(&self) -> impl Iterator<Item = (&'static str, &LoginName)> {
        let username = self.username.as_ref().map(|name| ("username", name.as_login()));
        username.into_iter().chain(self.email.as_ref().map(|name| ("email", name.as_login())))
    }
}

impl Names {
    /// The names that have a character that cannot be seen, by their members.
    pub fn invisible(&self) -> impl Iterator<Item = (&'static str, &LoginName)> {
        let both = [("username", self.username.as_login()), ("email", self.email.as_login())];
        both.into_iter().filter(|(_, name)| has_invisible(name))
    }

    /// Whether one of the names is this one.
    #[must_use]
    pub fn has(&self, name: &LoginName) -> bool {
        self.logins().any(|own| own == name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::user::tests::joe;

    #[test]
    fn a_name_that_is_given_has_no_invisible_character_and_a_stored_one_may_have() {
        for c in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180e}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{ffa0}',
            '\u{1d159}',
            '\u{1d173}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            for text in [format!("jo{c}e@acme"), format!("joe@ac{c}me"), format!("{c}joe@acme")] {
                assert_eq!(Username::parse_new(&text), Err(InvalidName::InvisibleCharacter), "{text:?}");
                assert_eq!(Email::parse_new(&text), Err(InvalidName::InvisibleCharacter), "{text:?}");
                assert!(Username::parse(&text).is_ok(), "{text:?}");
            }
        }
        // What was never allowed is told as it always was.
        assert_eq!(Username::parse_new("jo\u{200b}e@acme"), Err(InvalidName::ForbiddenCharacter));
        for text in
            ["joe@acme", "žofie@příklad.cz", "ΣΊΣΥΦΟΣ@x", "用户@例子.中国", "उपयोगकर्ता@उदाहरण.भारत", "😀@x"]
        {
            assert_eq!(Username::parse_new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_stored_name_can_be_written_back_and_no_other_one_like_it() {
        let hidden = Username::parse("jo\u{ad}e@acme").unwrap();
        let mut user = joe();
        user.names.username = hidden.clone();
        let change =
            |name: &str| UserChange { username: Username::parse(name).ok(), ..UserChange::default() };
        for (text, expected) in [
            ("jo\u{ad}e@acme", None),
            ("JO\u{ad}E@acme", None),
            ("j\u{ad}oe@acme", Some(("username", InvalidName::InvisibleCharacter))),
            ("joe@acme.", Some(("username", InvalidName::UnusualDomain))),
            ("joe@acme", None),
        ] {
            assert_eq!(change(text).refused_name(&user), expected, "{text:?}");
        }
        assert!(
            change("jo\u{ad}e@acme").has_questionable_name() && !change("joe@acme").has_questionable_name()
        );
        let email = UserChange { email: Email::parse("a\u{fe0f}@x").ok(), ..UserChange::default() };
        assert_eq!(email.refused_name(&user), Some(("email", InvalidName::InvisibleCharacter)));
        user.names.email = Email::parse("joe@ａcme.com").unwrap();
        let email = |text: &str| UserChange { email: Email::parse(text).ok(), ..UserChange::default() };
        assert_eq!(email("joe@ａcme.com").refused_name(&user), None);
        assert_eq!(email("joe@acm。com").refused_name(&user), Some(("email", InvalidName::UnusualDomain)));
        assert_eq!(user.names.invisible().map(|(member, _)| member).collect::<Vec<_>>(), ["username"]);
    }

    #[test]
    fn a_name_that_is_given_has_the_usual_spelling_of_its_domain() {
        for text in ["q@ａcme.com", "q@acme。com", "q@acme.com."] {
            assert_eq!(Username::parse_new(text), Err(InvalidName::UnusualDomain), "{text}");
            assert_eq!(Email::parse_new(text), Err(InvalidName::UnusualDomain), "{text}");
            assert!(Username::parse(text).is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whoever_may_be_given_a_name_can_sign_in_with_it(text in "\\PC{1,20}@\\PC{1,20}") {
            if let Ok(name) = Username::parse_new(&text) {
                prop_assert_eq!(LoginName::parse(&text).unwrap(), name.as_login().clone());
                prop_assert!(Username::parse_new(name.as_login().folded()).is_ok());
            }
        }
    }
}
