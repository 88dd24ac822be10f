//! The table of routes: which path and method leads where.

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
    OneUser,
    Config,
    ConfigEntry,
}

const RESOURCES: &[(&str, Resource)] = &[
    ("/", Resource::Root),
    ("/healthz", Resource::Health),
    ("/readyz", Resource::Readiness),
    ("/user/auth", Resource::SignIn),
    ("/user", Resource::User),
    ("/user/change-password", Resource::ChangePassword),
    ("/user/sign-out-everywhere", Resource::SignOutEverywhere),
    ("/user/reset-password", Resource::ResetPassword),
    ("/users/{id}", Resource::OneUser),
    ("/config", Resource::Config),
    ("/config/{key}", Resource::ConfigEntry),
];

impl Resource {
    /// The methods that work, as `Allow` lists them.
    pub(crate) const fn methods(self) -> &'static str {
        match self {
            Self::Root | Self::Health | Self::Readiness => "GET, HEAD, OPTIONS",
            Self::SignIn | Self::ChangePassword | Self::SignOutEverywhere | Self::ResetPassword => {
                "POST, OPTIONS"
            }
            Self::User => "GET, HEAD, POST, PUT, OPTIONS",
            Self::OneUser => "GET, HEAD, PUT, OPTIONS",
            Self::Config => "GET, HEAD, POST, OPTIONS",
            Self::ConfigEntry => "DELETE, OPTIONS",
        }
    }

    /// The answer to any other method.
    pub(crate) fn method_not_allowed(self, method: &Method) -> ApiError {
        // A method is the client's text, of any length.
        let method = if method.as_str().len() <= 16 { method.as_str() } else { "This method" };
        let message = format!("{method} is not allowed here");
        ApiError {
            allow: Some(self.methods()),
            ..ApiError::new(http::StatusCode::METHOD_NOT_ALLOWED, message)
        }
    }
}

pub(crate) struct Router(Tree<Resource>);

impl Router {
    pub(crate) fn new() -> Result<Self, InsertError> {
        let mut tree = Tree::new();
        for (path, resource) in RESOURCES {
            tree.insert(*path, *resource)?;
        }
        Ok(Self(tree))
    }

    /// The resource at a path, and the path's parameter as it stands there.
    pub(crate) fn find<'p>(&self, path: &'p str) -> Result<(Resource, &'p str), ApiError> {
        let found = self.0.at(path).map_err(|_| ApiError::not_found("Not Found"))?;
        let parameter = found.params.iter().next().map_or("", |(_, value)| value);
        Ok((*found.value, parameter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_its_resource_and_no_other_does() {
        let router = Router::new().unwrap();
        for (path, resource) in RESOURCES {
            assert_eq!(router.find(path).unwrap().0, *resource);
        }
        assert_eq!(router.find("/config/APP_NAME").unwrap(), (Resource::ConfigEntry, "APP_NAME"));
        for path in ["/user/", "//", "/users", "/config/", "/config/a/b", "*", ""] {
            assert_eq!(router.find(path).unwrap_err().status, 404, "{path}");
        }
    }
}
