//! The table of routes: which path and method leads where.

use appmixer_gateway::Prefix;
use appmixer_path::RequestPath;
use http::Method;
use matchit::{InsertError, Router as Tree};

use crate::error::ApiError;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Root,
    Health,
    Readiness,
    SignIn,
    User,
    ChangePassword,
    SignOutEverywhere,
    ResetPassword,
    ForgotPassword,
    RedeemCode,
    Confirm,
    ResendCode,
    Verify,
    Users,
    UserCount,
    OneUser,
    Deletion,
    SignOutUser,
    Config,
    ConfigEntry,
    ConfigTest,
    ConfigKeys,
    ConfigState,
    AclTypes,
    AccessRules,
    RuleCheck,
    RuleResources,
    RuleActions,
    RuleAttributes,
    Keys,
    Key,
    Audit,
    Stats,
    Apps,
    AppComponents,
    JwkSet,
    OpenApi,
    Docs,
    DocsStyle,
    Console,
    ConsoleAsset,
    ConsoleSession,
    ConsoleSetUp,
    ConsoleApi,
}

/// Where proxies ask; what stands behind it is the target of a request of somebody else's, whatever it is.
pub(crate) const VERIFY: &str = "/auth/verify";
/// The console's page; all that is below it is the console's too.
pub(crate) const CONSOLE: &str = "/console";
/// Below it, the paths of the API work with the console's cookie.
pub(crate) const CONSOLE_API: &str = "/console/api";

/// What a path leads to, with the path's parameters as they stand there; empty where it has fewer.
pub(crate) type Place<'p> = (Resource, [&'p str; 2]);

/// Every path. What stands between braces is a parameter, by the name that the API document calls it.
pub(crate) const RESOURCES: &[(&str, Resource)] = &[
    ("/", Resource::Root),
    ("/healthz", Resource::Health),
    ("/readyz", Resource::Readiness),
    ("/user/auth", Resource::SignIn),
    ("/user", Resource::User),
    ("/user/change-password", Resource::ChangePassword),
    ("/user/sign-out-everywhere", Resource::SignOutEverywhere),
    ("/user/reset-password", Resource::ResetPassword),
    ("/user/forgot-password", Resource::ForgotPassword),
    ("/user/forgot-password/reset", Resource::RedeemCode),
    ("/user/confirm", Resource::Confirm),
    ("/user/confirm/resend", Resource::ResendCode),
    (VERIFY, Resource::Verify),
    ("/users", Resource::Users),
    ("/users/count", Resource::UserCount),
    ("/users/{userId}", Resource::OneUser),
    ("/users/{userId}/delete-status/{ticket}", Resource::Deletion),
    ("/users/{userId}/sign-out-everywhere", Resource::SignOutUser),
    ("/config", Resource::Config),
    ("/config/{key}", Resource::ConfigEntry),
    ("/config/{key}/test", Resource::ConfigTest),
    ("/config-keys", Resource::ConfigKeys),
    ("/config-keys/state", Resource::ConfigState),
    ("/acl-types", Resource::AclTypes),
    ("/acl/{type}", Resource::AccessRules),
    ("/acl/{type}/check", Resource::RuleCheck),
    ("/acl/{type}/resources", Resource::RuleResources),
    ("/acl/{type}/actions", Resource::RuleActions),
    ("/acl/{type}/resource/{resource}/attributes", Resource::RuleAttributes),
    ("/keys", Resource::Keys),
    ("/keys/{id}", Resource::Key),
    ("/audit", Resource::Audit),
    ("/stats", Resource::Stats),
    ("/apps", Resource::Apps),
    ("/apps/components", Resource::AppComponents),
    ("/.well-known/jwks.json", Resource::JwkSet),
    ("/openapi.json", Resource::OpenApi),
    ("/docs", Resource::Docs),
    ("/docs/style.css", Resource::DocsStyle),
    (CONSOLE, Resource::Console),
    ("/console/assets/{name}", Resource::ConsoleAsset),
    ("/console/session", Resource::ConsoleSession),
    ("/console/setup", Resource::ConsoleSetUp),
    ("/console/api/{*path}", Resource::ConsoleApi),
];

/// Other ways to the same.
const ALIASES: &[(&str, Resource)] =
    &[("/console/", Resource::Console), ("/console/api/", Resource::ConsoleApi)];

/// The path of the server's own that lies below the same first segment as a prefix: what begins so is not forwarded. With
/// `/` is forwarded whatever is left over.
#[must_use]
pub fn own_path_of(prefix: &Prefix) -> Option<&'static str> {
    let first = Some(prefix.first_segment()).filter(|first| !first.is_empty())?;
    let begins = |path: &str| path.split('/').nth(1).is_some_and(|own| own.eq_ignore_ascii_case(first));
    RESOURCES.iter().map(|(path, _)| *path).find(|path| begins(path))
}

impl Resource {
    /// The methods that work, as `Allow` lists them.
    pub(crate) const fn methods(self) -> &'static str {
        match self {
            Self::Root
            | Self::Health
            | Self::Readiness
            | Self::Verify
            | Self::Users
            | Self::UserCount
            | Self::Deletion
            | Self::ConfigKeys
            | Self::ConfigState
            | Self::AclTypes
            | Self::RuleResources
            | Self::RuleActions
            | Self::RuleAttributes
            | Self::Audit
            | Self::Stats
            | Self::Apps
            | Self::AppComponents
            | Self::JwkSet
            | Self::OpenApi
            | Self::Docs
            | Self::DocsStyle
            | Self::Console
            | Self::ConsoleAsset => "GET, HEAD, OPTIONS",
            Self::SignIn
            | Self::ChangePassword
            | Self::SignOutEverywhere
            | Self::SignOutUser
            | Self::RuleCheck
            | Self::ConfigTest
            | Self::ResetPassword
            | Self::ForgotPassword
            | Self::RedeemCode
            | Self::Confirm
            | Self::ResendCode
            | Self::ConsoleSetUp => "POST, OPTIONS",
            Self::User => "GET, HEAD, POST, PUT, OPTIONS",
            Self::OneUser => "GET, HEAD, PUT, DELETE, OPTIONS",
            Self::Config | Self::AccessRules | Self::Keys => "GET, HEAD, POST, OPTIONS",
            Self::ConfigEntry | Self::Key => "DELETE, OPTIONS",
            Self::ConsoleSession => "GET, HEAD, POST, DELETE, OPTIONS",
            // A request that gets here has been taken for one of something else.
            Self::ConsoleApi => "OPTIONS",
        }
    }

    /// Whether it is the console's: then it is no part of the API, nor of the API's document, and there only while the
    /// console is switched on.
    pub(crate) const fn is_console(self) -> bool {
        matches!(
            self,
            Self::Console | Self::ConsoleAsset | Self::ConsoleSession | Self::ConsoleSetUp | Self::ConsoleApi
        )
    }

    /// The answer to any other method.
    pub(crate) fn method_not_allowed(self, method: &Method) -> ApiError {
        ApiError::method_not_allowed(method, self.methods())
    }
}

/// What is below a path of the server's own belongs to it.
const BELOW: &[(&str, Resource)] =
    &[("/auth/verify/{*target}", Resource::Verify), ("/console/{*path}", Resource::Console)];

/// A first segment, and the patterns that begin with it.
type Patterns = (&'static str, Vec<(&'static str, Resource)>);

pub(crate) struct Router {
    tree: Tree<Resource>,
    /// The same for those who ask whether a path is another spelling of one of these.
    patterns: Vec<Patterns>,
}

impl Router {
    /// With the console or without it.
    pub(crate) fn new(with_console: bool) -> Result<Self, InsertError> {
        let mut tree = Tree::new();
        let there = |(_, resource): &&(&str, Resource)| with_console || !resource.is_console();
        for (path, resource) in RESOURCES.iter().chain(ALIASES).filter(there) {
            tree.insert(*path, *resource)?;
        }
        tree.insert(format!("{VERIFY}/"), Resource::Verify)?;
        tree.insert(format!("{VERIFY}/{{*target}}"), Resource::Verify)?;
        let mut patterns: Vec<Patterns> = Vec::new();
        for route in RESOURCES.iter().chain(BELOW) {
            let first = route.0.split('/').nth(1).unwrap_or_default();
            match patterns.iter_mut().find(|(other, _)| *other == first) {
                Some((_, routes)) => routes.push(*route),
                None => patterns.push((first, vec![*route])),
            }
        }
        Ok(Self { tree, patterns })
    }

    /// Whether some service may take a path for one of the server's own, with the console's or without them. Asked of what
    /// leads nowhere.
    pub(crate) fn has_spelling(&self, path: &RequestPath<'_>, with_console: bool) -> bool {
        let name = path.name(0);
        let begun = self.patterns.iter().filter(|(first, _)| name.eq_ignore_ascii_case(first));
        begun.flat_map(|(_, routes)| routes).any(|(pattern, resource)| {
            (with_console || !resource.is_console()) && path.is_spelling_of(pattern)
        })
    }

    /// What a path leads to, if it leads anywhere.
    pub(crate) fn find<'p>(&self, path: &'p str) -> Option<Place<'p>> {
        let found = self.tree.at(path).ok()?;
        let mut values = found.params.iter().map(|(_, value)| value);
        let parameters = [values.next().unwrap_or(""), values.next().unwrap_or("")];
        Some((*found.value, parameters))
    }
}

#[cfg(test)]
mod tests {
    use appmixer_testbed::{READERS, spelling};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_path_leads_to_its_resource_and_no_other_does() {
        let router = Router::new(true).unwrap();
        for (path, resource) in RESOURCES.iter().chain(ALIASES) {
            assert_eq!(router.find(path).unwrap().0, *resource);
        }
        assert_eq!(router.find("/config/APP_NAME").unwrap(), (Resource::ConfigEntry, ["APP_NAME", ""]));
        assert_eq!(router.find("/users/a/delete-status/b").unwrap(), (Resource::Deletion, ["a", "b"]));
        let attributes = router.find("/acl/routes/resource/flows/attributes").unwrap();
        assert_eq!(attributes, (Resource::RuleAttributes, ["routes", "flows"]));
        for path in
            ["/auth/verify/", "/auth/verify/users", "/auth/verify//a/../b", "/auth/verify/auth/verify"]
        {
            assert_eq!(router.find(path).unwrap().0, Resource::Verify, "{path}");
        }
        for path in [
            "/auth",
            "/auth/",
            "/auth/verifying",
            "//auth/verify",
            "/user/",
            "//",
            "/config/",
            "/config/a/b",
            "/acl",
            "/acl/",
            "/acl/routes/",
            "/acl/routes/resource/a/b/attributes",
            "/console/session/",
            "/console/assets/",
            "/console/assets/a/b",
            "/console/api",
            "*",
            "",
        ] {
            assert_eq!(router.find(path), None, "{path}");
        }
    }

    #[test]
    fn another_spelling_of_a_path_is_known_and_what_lies_beside_it_is_none() {
        let router = Router::new(true).unwrap();
        let is_spelling =
            |text, with_console| router.has_spelling(&RequestPath::parse(text).unwrap(), with_console);
        for text in [
            "/User",
            "/user/",
            "/%75ser",
            "/users;x/1",
            "/user.",
            "/user%20/auth",
            "/user/auth;x",
            "/user%3fx",
            "/ｕser",
            "/Config/APP_NAME",
            "/Auth/Verify/a/b",
            "/.Well-Known/jwks.json",
            "/openapi.JSON",
            "/keys/1/",
        ] {
            assert!(is_spelling(text, false), "{text}");
        }
        for text in [
            "/auth/slack/callback",
            "/users/1/anything",
            "/config.js",
            "/user.json",
            "/userland",
            "/flows",
            "/.env",
            "/index.html",
            "/acl",
        ] {
            assert!(!is_spelling(text, true), "{text}");
        }
        for text in ["/Console", "/CONSOLE/x/y", "/console;x/assets/a"] {
            assert!(is_spelling(text, true) && !is_spelling(text, false), "{text}");
        }
    }

    #[test]
    fn a_console_that_is_switched_off_is_nowhere() {
        let router = Router::new(false).unwrap();
        for (path, resource) in RESOURCES.iter().chain(ALIASES) {
            assert_eq!(router.find(path).is_some(), !resource.is_console(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_spelling_that_a_service_reads_as_a_path_of_the_servers_own_is_forwarded(
            path in proptest::sample::select(&["/user", "/user/auth", "/users/count", "/config/x", "/keys"][..]),
            choices in proptest::collection::vec(any::<u8>(), 0..16),
        ) {
            let (router, target) = (Router::new(true).unwrap(), spelling(path, &choices));
            if let Ok(parsed) = RequestPath::parse(&target) {
                let is_own = router.find(&target).is_some() || router.has_spelling(&parsed, true);
                for reader in READERS.iter().filter(|reader| !reader.by_extension) {
                    let is_read = reader.read(&target).iter().any(|read| read == path);
                    prop_assert!(is_own || !is_read, "{} reads {target} as {path}", reader.name);
                }
            }
        }
    }
}
