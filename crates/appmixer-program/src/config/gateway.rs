//! What is forwarded to which upstreams.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use appmixer_core::ascii_url;
use appmixer_http::gateway::{Address, Gateway, HealthCheck, MOST_UPSTREAMS, Prefix, RouteOptions};
use appmixer_http::own_path_of;
use http::uri::PathAndQuery;
use serde::{Deserialize, Serialize};

use super::{Config, Span};
use crate::failure::Failure;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayConfig {
    pub(crate) ca_file: Option<PathBuf>,
    /// By prefix.
    pub(crate) routes: BTreeMap<String, RouteConfig>,
}

/// What a route may set; `ROUTE_KEYS` says what each means.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(crate) struct RouteConfig {
    pub(crate) to: Vec<String>,
    pub(crate) open: bool,
    pub(crate) strip_prefix: bool,
    pub(crate) preserve_host: bool,
    pub(crate) pass_authorization: bool,
    pub(crate) forward_overrides: bool,
    pub(crate) connect_timeout: Span,
    pub(crate) head_timeout: Span,
    pub(crate) idle_timeout: Span,
    pub(crate) health_path: Option<String>,
    pub(crate) health_interval: Span,
    pub(crate) max_request_body: u64,
    pub(crate) max_answer_body: u64,
}

/// The keys of a route, and what each means. Only tests read it: it is what the documents must say.
#[cfg(test)]
pub(super) const ROUTE_KEYS: &[(&str, &str)] = &[
    (
        "to",
        "The addresses of the upstreams, such as http://10.0.0.1:2200, up to 64; a path there is put before the request's.",
    ),
    ("open", "Whether requests are forwarded without a token and without a look at the access rules."),
    ("strip_prefix", "Whether the prefix is taken off the path; X-Forwarded-Prefix then says what it was."),
    ("preserve_host", "Whether the upstream gets the Host of the request, and not that of its own address."),
    (
        "pass_authorization",
        "Whether the upstream gets the Authorization header; an Appmixer engine wants it.",
    ),
    (
        "forward_overrides",
        "Whether the upstream gets headers that frameworks take in the place of the method or the path, such as X-HTTP-Method-Override and X-Original-URL. The access rules must then allow both methods; a path in such a header is not checked.",
    ),
    ("connect_timeout", "The longest wait for a connection to an upstream: name, TCP and TLS together."),
    (
        "head_timeout",
        "The longest wait for the head of an answer, from the last that the client has sent; then 504.",
    ),
    (
        "idle_timeout",
        "The longest time in which nothing comes within an answer, or in either direction of a WebSocket.",
    ),
    (
        "health_path",
        "What is asked for to find out whether an upstream works, which it says by 2xx or 3xx. Without it only requests tell.",
    ),
    ("health_interval", "How often that is asked, and how long an answer may take."),
    ("max_request_body", "The largest request body, in bytes; more is answered with 413. 0 means any size."),
    (
        "max_answer_body",
        "The largest body of an answer, in bytes; a larger one is 502, or cut off. 0 means any size.",
    ),
];

impl Default for RouteConfig {
    fn default() -> Self {
        Self {
            to: Vec::new(),
            open: false,
            strip_prefix: false,
            preserve_host: false,
            pass_authorization: true,
            forward_overrides: false,
            connect_timeout: Span(Duration::from_secs(5)),
            head_timeout: Span(Duration::from_mins(1)),
            idle_timeout: Span(Duration::from_mins(5)),
            health_path: None,
            health_interval: Span(Duration::from_secs(5)),
            max_request_body: 100 * 1024 * 1024,
            max_answer_body: 0,
        }
    }
}

impl Config {
    /// What forwards requests, if there are any to be forwarded.
    pub(crate) fn gateway(&self) -> Result<Option<Gateway>, Failure> {
        let routes = self.gateway.options()?;
        if routes.is_empty() {
            return Ok(None);
        }
        let is_https = routes.iter().any(|route| route.to.iter().any(Address::is_https));
        let tls = is_https.then(|| appmixer_tls::client_config(self.gateway.ca_file.as_deref())).transpose();
        let tls = tls.map_err(|error| Failure::configuration(format!("gateway.ca_file: {error}")))?;
        Ok(Some(Gateway::new(routes, tls.as_ref())))
    }
}

impl GatewayConfig {
    /// The routes, or what is wrong with them.
    pub(super) fn options(&self) -> Result<Vec<RouteOptions>, Failure> {
        self.routes.iter().map(|(prefix, route)| route.options(prefix)).collect()
    }
}

impl RouteConfig {
    fn options(&self, text: &str) -> Result<RouteOptions, Failure> {
        let section = format!("gateway.routes.{text:?}");
        let bad = |key: &str, what: String| Failure::configuration(format!("{section}{key}: {what}"));
        let prefix = Prefix::parse(text).map_err(|error| bad("", error.to_string()))?;
        if let Some(own) = own_path_of(&prefix) {
            return Err(bad(
                "",
                format!("the server has {own} itself, and what begins alike; another prefix is needed"),
            ));
        }
        if self.to.is_empty() || self.to.len() > MOST_UPSTREAMS {
            return Err(bad(".to", format!("must be a list of 1 to {MOST_UPSTREAMS} addresses")));
        }
        let mut to = Vec::new();
        for (place, text) in self.to.iter().enumerate() {
            // Without the text, in which somebody may have put a password.
            let address = Address::parse(&ascii_url(text).unwrap_or(Cow::Borrowed(text)));
            to.push(address.map_err(|error| bad(".to", format!("address {}: {error}", place + 1)))?);
        }
        for (key, Span(time)) in [
            (".connect_timeout", self.connect_timeout),
            (".head_timeout", self.head_timeout),
            (".idle_timeout", self.idle_timeout),
            (".health_interval", self.health_interval),
        ] {
            if time.is_zero() {
                return Err(bad(key, "must be longer than nothing".to_owned()));
            }
        }
        let health = self.health_path.as_ref().map(|path| {
            let path = PathAndQuery::try_from(path.as_str()).ok().filter(|_| path.starts_with('/'));
            let path =
                path.ok_or_else(|| bad(".health_path", "must be a path such as /healthz".to_owned()))?;
            Ok::<_, Failure>(HealthCheck { path, interval: self.health_interval.0 })
        });
        let any = |limit: u64| (limit > 0).then_some(limit);
        Ok(RouteOptions {
            prefix,
            to,
            is_open: self.open,
            strip_prefix: self.strip_prefix,
            preserve_host: self.preserve_host,
            pass_authorization: self.pass_authorization,
            forward_overrides: self.forward_overrides,
            connect_timeout: self.connect_timeout.0,
            head_timeout: self.head_timeout.0,
            idle_timeout: self.idle_timeout.0,
            health: health.transpose()?,
            max_request: any(self.max_request_body),
            max_answer: any(self.max_answer_body),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_has_every_key_of_a_route_and_no_other() {
        let keys = serde_json::to_value(RouteConfig::default()).unwrap();
        let keys: BTreeSet<_> = keys.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ROUTE_KEYS.iter().map(|(name, _)| *name).collect());
    }

    #[test]
    fn a_route_that_cannot_be_is_refused_by_the_name_of_its_key() {
        let to = |address: &str| RouteConfig { to: vec![address.to_owned()], ..RouteConfig::default() };
        let good = || to("http://10.0.0.1:2200");
        for (prefix, route, parts) in [
            ("flows", good(), ["gateway.routes.\"flows\":", "segments"]),
            ("/flows/", good(), ["gateway.routes.\"/flows/\":", "slash at the end"]),
            ("/user", good(), ["gateway.routes.\"/user\":", "/user/auth"]),
            ("/Users/x", good(), ["gateway.routes.\"/Users/x\":", "/users"]),
            ("/flows", RouteConfig::default(), ["gateway.routes.\"/flows\".to:", "1 to 64"]),
            ("/flows", to("http://joe:s3cret@x"), ["gateway.routes.\"/flows\".to:", "address 1"]),
            (
                "/flows",
                RouteConfig { idle_timeout: Span(Duration::ZERO), ..good() },
                ["gateway.routes.\"/flows\".idle_timeout:", "longer"],
            ),
            (
                "/flows",
                RouteConfig { health_path: Some("up".to_owned()), ..good() },
                ["gateway.routes.\"/flows\".health_path:", "/healthz"],
            ),
        ] {
            let error = route.options(prefix).unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{part:?} is not in: {error}");
            }
            assert!(!error.contains("s3cret"), "{error}");
        }
        assert!(good().options("/").is_ok() && good().options("/flows").is_ok());
    }
}
