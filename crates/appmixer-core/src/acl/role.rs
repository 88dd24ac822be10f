//! Whom a rule applies to (contract, "Roles in access rules").

use std::borrow::Cow;
use std::fmt;

use super::Roles;
use crate::domain::ascii_domain;
use crate::name::fold;

/// A rule's role, parsed once when the rule is loaded.
///
/// An email address proves nothing until it is confirmed. So an allowance by an address or a domain applies only where
/// the address counts ([`Roles::address_counts`]), while a denial always does.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Role {
    /// `*`: every user.
    Any,
    /// `@acme.com`: users whose email address has this domain. With A-labels.
    Domain(Box<str>),
    /// `joe@acme.com`: the user with this email address. Its local part folded, its domain with A-labels.
    Address(Box<str>),
    /// `group:<id>`: users who act for this group. Groups do not exist yet, so it matches no one.
    Group(Box<str>),
    /// `scope:<word>`: users with this scope, whatever characters it has.
    Scope(Box<str>),
    /// Any other text. An allowance reads it as a domain if it has a dot, and as a scope otherwise. A denial reads it as
    /// both.
    Word {
        /// The word as it was given.
        scope: Box<str>,
        /// The word as a domain. With A-labels.
        domain: Box<str>,
    },
}

impl Role {
    /// Parses a role.
    ///
    /// ```
    /// use appmixer_core::Role;
    ///
    /// assert_eq!(Role::parse("@Acme.com"), Role::Domain("acme.com".into()));
    /// assert_eq!(Role::parse("scope:flows.read"), Role::Scope("flows.read".into()));
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == "*" {
            return Self::Any;
        }
        if let Some(id) = text.strip_prefix("group:") {
            return Self::Group(id.into());
        }
        if let Some(word) = text.strip_prefix("scope:") {
            return Self::Scope(word.into());
        }
        match text.split_once('@') {
            Some((local, domain)) if !domain.is_empty() && !domain.contains('@') => {
                if local.is_empty() {
                    Self::Domain(comparable(domain).into())
                } else {
                    Self::Address(comparable(text).into())
                }
            }
            _ => Self::Word { scope: text.into(), domain: comparable(text).into() },
        }
    }

    /// Whether an allowance with this role applies to a user.
    #[must_use]
    pub fn allows(&self, whose: &Roles<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Group(_) => false,
            Self::Scope(word) => whose.has_scope(word),
            Self::Domain(domain) => whose.address_counts() && whose.has_domain(domain),
            Self::Address(address) => whose.address_counts() && whose.has_address(address),
            Self::Word { scope, domain } if is_domain(scope) => {
                whose.address_counts() && whose.has_domain(domain)
            }
            Self::Word { scope, .. } => whose.has_scope(scope),
        }
    }

    /// Whether a denial with this role applies to a user.
    #[must_use]
    pub fn denies(&self, whose: &Roles<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Group(_) => false,
            Self::Scope(word) => whose.has_scope(word),
            Self::Domain(domain) => whose.has_domain(domain),
            Self::Address(address) => whose.has_address(address),
            Self::Word { scope, domain } => whose.has_scope(scope) || whose.has_domain(domain),
        }
    }

    /// Whether it is meant for an email address or a domain, which users choose themselves where sign-up is open.
    #[must_use]
    pub fn is_by_address(&self) -> bool {
        match self {
            Self::Domain(_) | Self::Address(_) => true,
            Self::Word { scope, .. } => is_domain(scope),
            Self::Any | Self::Group(_) | Self::Scope(_) => false,
        }
    }

    /// What it matches in a rule that allows or denies something, for people.
    #[must_use]
    pub fn kind(&self, allows: bool, denies: bool) -> &'static str {
        match self {
            Self::Any => "every user",
            Self::Domain(_) => "domain",
            Self::Address(_) => "email address",
            Self::Group(_) => "group",
            Self::Scope(_) => "scope",
            Self::Word { scope, .. } => match (is_domain(scope), allows, denies) {
                (_, false, _) => "scope or domain",
                (true, true, false) => "domain",
                (false, true, false) => "scope",
                (true, true, true) => "domain; its denials: scope or domain",
                (false, true, true) => "scope; its denials: scope or domain",
            },
        }
    }
}

/// A domain, or an address, in the form by which rules compare: the domain with A-labels and without the dot that may
/// end it (RFC 1034, section 3.1), the local part folded. A domain that has no A-labels is folded too.
///
/// The text must not be folded before: folding makes `strasse.de` of `straße.de`, which is another domain (RFC 5894,
/// section 7.2; UTS 46 without transitional processing).
pub(super) fn comparable(text: &str) -> Cow<'_, str> {
    let mut name = if !text.is_ascii() {
        let domain = text.split_once('@').map_or(text, |(_, domain)| domain);
        let local = fold(&text[..text.len() - domain.len()]);
        let domain = ascii_domain(domain).map_or_else(|| fold(domain), Cow::into_owned);
        Cow::from(local + &domain.to_ascii_lowercase())
    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::from(text.to_ascii_lowercase())
    } else {
        Cow::from(text)
    };
    let has_root_dot = name.strip_suffix('.').is_some_and(|rest| !rest.is_empty() && !rest.ends_with('@'));
    if has_root_dot {
        match &mut name {
            Cow::Borrowed(text) => *text = &text[..text.len() - 1],
            Cow::Owned(text) => drop(text.pop()),
        }
    }
    name
}

/// Whether an allowance reads a bare word as a domain.
pub(super) fn is_domain(word: &str) -> bool {
    word.contains('.')
}

/// Only the kind: the rest may be somebody's address.
impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "Any",
            Self::Domain(_) => "Domain(..)",
            Self::Address(_) => "Address(..)",
            Self::Group(_) => "Group(..)",
            Self::Scope(_) => "Scope(..)",
            Self::Word { .. } => "Word(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::name::LoginName;
    use crate::scope::Scopes;

    fn word(text: &str) -> Role {
        Role::Word { scope: text.into(), domain: fold(text).into() }
    }

    #[test]
    fn a_roles_text_is_of_one_kind() {
        for (text, expected) in [
            ("*", Role::Any),
            ("**", word("**")),
            ("@Acme.COM", Role::Domain("acme.com".into())),
            ("@admin", Role::Domain("admin".into())),
            ("Joe@Acme", Role::Address("joe@acme".into())),
            ("JÜRGEN@x", Role::Address("jürgen@x".into())),
            ("x@Bücher.example.", Role::Address("x@xn--bcher-kva.example".into())),
            ("group:7", Role::Group("7".into())),
            ("group:a@b", Role::Group("a@b".into())),
            ("scope:Flows.read", Role::Scope("Flows.read".into())),
            ("scope:joe@acme.com", Role::Scope("joe@acme.com".into())),
            ("scope:scope:x", Role::Scope("scope:x".into())),
            ("Scope:x", word("Scope:x")),
            ("Admin", word("Admin")),
            ("acme.com", word("acme.com")),
            ("@", word("@")),
            ("joe@", word("joe@")),
            ("a@b@c", word("a@b@c")),
            ("@a@b", word("@a@b")),
        ] {
            assert_eq!(Role::parse(text), expected, "{text}");
        }
        assert_eq!(format!("{:?}", Role::parse("joe@acme.com")), "Address(..)");
    }

    #[test]
    fn a_role_applies_to_users_as_the_contracts_table_says() {
        // Whether the address counts, an allowance applies, and a denial applies.
        for (text, scopes, email, counts, allows, denies) in [
            ("*", &[][..], "x@y", false, true, true),
            ("admin", &["admin"], "x@y", false, true, true),
            ("Admin", &["admin"], "x@y", true, false, false),
            ("admin", &["user"], "evil@admin", true, false, true),
            ("@admin", &["admin"], "x@y", true, false, false),
            ("@admin", &["user"], "evil@admin", true, true, true),
            ("@admin", &["user"], "evil@ADMIN", false, false, true),
            ("flows.read", &["flows.read"], "x@y", true, false, true),
            ("flows.read", &["user"], "x@flows.read", true, true, true),
            ("flows.read", &["user"], "x@flows.read", false, false, true),
            ("scope:flows.read", &["flows.read"], "x@y", false, true, true),
            ("scope:flows.read", &["user"], "x@flows.read", true, false, false),
            ("scope:admin", &["user"], "evil@admin", true, false, false),
            ("acme.com", &["user"], "joe@Acme.com", true, true, true),
            ("acme.com", &["user"], "joe@mail.acme.com", true, false, false),
            ("joe@acme.com", &["user"], "JOE@acme.com", true, true, true),
            ("joe@acme.com", &["user"], "joe@acme.com", false, false, true),
            ("joe@acme.com", &["joe@acme.com"], "x@y", true, false, false),
            ("scope:joe@acme.com", &["joe@acme.com"], "x@y", false, true, true),
            ("group:7", &["group:7", "7"], "x@7", true, false, false),
            ("scope:group:7", &["group:7"], "x@y", false, true, true),
            ("GRÖSSE.de", &["user"], "x@größe.de", true, false, false),
            ("GRÖSSE.de", &["user"], "x@grösse.DE", true, true, true),
            ("@strasse.de", &["user"], "evil@straße.de", true, false, false),
            ("strasse.de", &["user"], "evil@straße.de", true, false, false),
            ("@straße.de", &["user"], "x@STRASSE.de", true, false, false),
            ("@xn--strae-oqa.de", &["user"], "x@Straße.de", true, true, true),
            ("@straße.de", &["user"], "x@XN--STRAE-OQA.de", true, true, true),
            ("x@strasse.de", &["user"], "x@straße.de", true, false, false),
            ("X@straße.de", &["user"], "x@xn--strae-oqa.de", true, true, true),
            ("STRAẞE@x.de", &["user"], "strasse@X.de", true, true, true),
            ("@βόλος.gr", &["user"], "x@βόλοσ.gr", true, false, false),
            ("@βόλοσ.gr", &["user"], "x@ΒΌΛΟΣ.gr", true, true, true),
            ("@Ü<.de", &["user"], "x@u\u{308}<.DE", true, true, true),
            ("@bücher.example", &["user"], "x@xn--bcher-kva.example", true, true, true),
            ("xn--bcher-kva.example", &["user"], "x@BÜCHER。example.", true, true, true),
            ("x@bücher.example", &["user"], "x@xn--bcher-kva.example", false, false, true),
            ("@acme.com", &["user"], "x@acme.com.", true, true, true),
            ("joe@acme.com.", &["user"], "joe@acme.com", true, true, true),
            ("admin.", &["admin."], "x@admin", true, true, true),
            ("@acme.com", &["user"], "x@acme.com..", true, false, false),
            ("@.", &["user"], "x@.", true, true, true),
        ] {
            let (scopes, email) = (Scopes::parse(scopes).unwrap(), LoginName::parse(email).unwrap());
            let whose = Roles::new(&scopes, &email, counts);
            let role = Role::parse(text);
            assert_eq!((role.allows(&whose), role.denies(&whose)), (allows, denies), "{text} {scopes:?}");
        }
    }

    proptest! {
        #[test]
        fn two_domains_match_exactly_if_their_a_labels_are_equal(
            one in DOMAINS, other in DOMAINS, is_other in any::<bool>(), spelling in 0..4,
        ) {
            let other = if is_other { other } else { respelled(&one, spelling) };
            let email = LoginName::parse(&format!("x@{other}")).unwrap();
            let scopes = Scopes::none();
            let whose = Roles::new(&scopes, &email, true);
            let expected = match (ascii_domain(&one), ascii_domain(&other)) {
                (Some(one), Some(other)) => one.eq_ignore_ascii_case(&other),
                _ => fold(&one) == fold(&other),
            };
            let word = format!("{one}.");
            for text in [format!("@{one}"), format!("X@{one}"), word] {
                let role = Role::parse(&text);
                prop_assert_eq!((role.allows(&whose), role.denies(&whose)), (expected, expected), "{} {}", text, other);
            }
        }
    }

    /// Letters that folding and UTS 46 treat in different ways, and `<`, which no A-label has.
    const DOMAINS: &str = "[sßẞſSςσΣöÖi]{1,3}(\u{308}|ß|ss)?<?\\.de";

    fn respelled(domain: &str, spelling: i32) -> String {
        match spelling {
            0 => domain.to_lowercase(),
            1 => domain.to_uppercase(),
            2 => domain.replace('ß', "ss"),
            _ => ascii_domain(domain).map_or_else(|| fold(domain), Cow::into_owned),
        }
    }
}
