//! The roles of whoever the rules are asked about.

use std::borrow::Cow;

use super::role::{comparable, is_domain};
use super::rule_set::each_once;
use super::{InvalidRule, MAX_RULE_LIST, Role, RuleText};
use crate::access::Caller;
use crate::name::LoginName;
use crate::scope::{Scope, Scopes};
use crate::user::User;

/// The roles of one user: the scopes as they are, the address with a folded local part and A-labels.
pub struct Roles<'a> {
    scopes: &'a Scopes,
    /// `None` if the roles are not read from a user.
    email: Option<&'a LoginName>,
    /// In the form by which rules compare; empty without an `email`.
    address: Cow<'a, str>,
    address_counts: bool,
    named: Option<&'a NamedRoles>,
}

impl<'a> Roles<'a> {
    /// The roles that a caller has.
    #[must_use]
    pub fn of(caller: &'a Caller) -> Self {
        Self { scopes: &caller.scopes, ..Self::of_user(&caller.user) }
    }

    /// The roles that a user has with a token of all scopes.
    #[must_use]
    pub fn of_user(user: &'a User) -> Self {
        Self::new(&user.scopes, user.names.email.as_login(), user.address_is_trusted())
    }

    pub(super) fn new(scopes: &'a Scopes, email: &'a LoginName, address_counts: bool) -> Self {
        let address = comparable(email.as_str());
        Self { scopes, email: Some(email), address, address_counts, named: None }
    }

    /// Roles that are not read from a user. An address among them counts.
    pub(super) fn named(roles: &'a NamedRoles) -> Self {
        let scopes = &roles.no_scopes;
        Self { scopes, email: None, address: "".into(), address_counts: true, named: Some(roles) }
    }

    /// The same roles as if the address counted.
    pub(super) fn with_address_counted(self) -> Self {
        Self { address_counts: true, ..self }
    }

    /// Whether allowances by the address and its domain apply: it is confirmed, or an administrator has given it.
    #[must_use]
    pub const fn address_counts(&self) -> bool {
        self.address_counts
    }

    /// Each role once, written as an allowance would name it: the scopes, the address and its domain.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let scope = |text: &str| match Role::parse(text) {
            Role::Word { .. } if !is_domain(text) => text.to_owned(),
            _ => format!("scope:{text}"),
        };
        let domain = |text: &str| match Role::parse(text) {
            Role::Word { .. } if is_domain(text) => text.to_owned(),
            _ => format!("@{text}"),
        };
        let addresses = self.addresses().map(str::to_owned);
        each_once(self.scopes().map(scope).chain(addresses).chain(self.domains().map(domain)))
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let named = self.named.map_or(&[][..], |named| &named.scopes);
        self.scopes.iter().map(Scope::as_str).chain(named.iter().map(|text| &**text))
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = &str> {
        let named = self.named.map_or(&[][..], |named| &named.addresses);
        let own = Some(&*self.address).filter(|address| !address.is_empty());
        own.into_iter().chain(named.iter().map(|text| &**text))
    }

    pub(super) fn domains(&self) -> impl Iterator<Item = &str> {
        let named = self.named.map_or(&[][..], |named| &named.domains);
        domain_of(&self.address).into_iter().chain(named.iter().map(|text| &**text))
    }

    pub(super) fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|text| text == scope)
    }

    pub(super) fn has_address(&self, comparable: &str) -> bool {
        self.addresses().any(|text| text == comparable)
    }

    pub(super) fn has_domain(&self, comparable: &str) -> bool {
        self.domains().any(|text| text == comparable)
    }

    /// Whether a text is the address or its domain, both folded, as version 0.1 compared them.
    pub(super) fn has_folded_name(&self, folded: &str) -> bool {
        self.email.is_some_and(|email| {
            email.folded() == folded || domain_of(email.folded()).is_some_and(|domain| domain == folded)
        })
    }
}

fn domain_of(address: &str) -> Option<&str> {
    address.split_once('@').map(|(_, domain)| domain)
}

/// Roles that are not read from a user, each read as an allowance reads it.
pub struct NamedRoles {
    scopes: Vec<Box<str>>,
    addresses: Vec<Box<str>>,
    domains: Vec<Box<str>>,
    no_scopes: Scopes,
}

impl NamedRoles {
    /// Reads at most [`MAX_RULE_LIST`] roles. The domain of an address is a role as well.
    ///
    /// # Errors
    /// [`InvalidRule::TooMany`], [`InvalidRule::Text`].
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, InvalidRule> {
        if texts.len() > MAX_RULE_LIST {
            return Err(InvalidRule::TooMany);
        }
        let mut roles = Self {
            scopes: Vec::new(),
            addresses: Vec::new(),
            domains: Vec::new(),
            no_scopes: Scopes::none(),
        };
        for text in texts {
            match Role::parse(RuleText::parse(text.as_ref())?.as_str()) {
                // Everybody has it, and nobody.
                Role::Any | Role::Group(_) => {}
                Role::Word { scope, domain } if is_domain(&scope) => roles.domains.push(domain),
                Role::Scope(scope) | Role::Word { scope, .. } => roles.scopes.push(scope),
                Role::Domain(domain) => roles.domains.push(domain),
                Role::Address(address) => {
                    roles.domains.extend(domain_of(&address).map(Box::from));
                    roles.addresses.push(address);
                }
            }
        }
        Ok(roles)
    }

    pub(super) fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|text| **text == *scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_listed_as_an_allowance_would_name_them() {
        let scopes = Scopes::parse(["user", "flows.read", "joe@x", "group:7", "user"]).unwrap();
        let list =
            |email: &str| Roles::new(&scopes, &LoginName::parse(email).unwrap(), true).list().join(" ");
        let same = "user scope:flows.read scope:joe@x scope:group:7";
        assert_eq!(list("Joe@Acme.com"), format!("{same} joe@acme.com acme.com"));
        assert_eq!(list("evil@admin"), format!("{same} evil@admin @admin"));
        assert_eq!(list("evil@scope:x"), format!("{same} evil@scope:x @scope:x"));
        let named = NamedRoles::parse(&["*", "x", "X.y", "scope:x.y", "@B", "Joe@b", "group:1"]).unwrap();
        assert_eq!(Roles::named(&named).list().join(" "), "x scope:x.y joe@b x.y @b");
    }
}
