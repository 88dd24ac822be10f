//! Where an upstream is.

use std::fmt;

use appmixer_path::RequestPath;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use thiserror::Error;

/// The base of an upstream's URLs, such as `http://10.0.0.1:2200` or `https://engine.example/api`.
#[derive(Clone, Debug)]
pub struct Address {
    scheme: Scheme,
    authority: Authority,
    /// What its paths begin with; without a slash at the end.
    base: String,
    host: HeaderValue,
}

/// The text is no address of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "must be http:// or https://, a host, perhaps a port and a path, as http://10.0.0.1:2200; without user, query or fragment"
)]
pub struct InvalidAddress;

impl Address {
    /// Reads an address as an operator writes it.
    ///
    /// # Errors
    /// [`InvalidAddress`]; it does not repeat the text, in which there may be a password.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let uri: Uri = text.parse().map_err(|_| InvalidAddress)?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
        let (Some(scheme), Some(authority)) = (scheme, parts.authority) else {
            return Err(InvalidAddress);
        };
        let (host, port) = (authority.host(), authority.port_u16());
        // What stands behind the host is a port, and a number.
        let is_whole = authority.as_str() == port.map_or(host.to_owned(), |port| format!("{host}:{port}"));
        let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::path);
        let has_query = parts.path_and_query.as_ref().is_some_and(|path| path.query().is_some());
        let is_clear = RequestPath::parse(path).is_ok();
        if host.is_empty() || port == Some(0) || !is_whole || has_query || !is_clear || text.contains('#') {
            return Err(InvalidAddress);
        }
        let base = path.strip_suffix('/').unwrap_or(path).to_owned();
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| InvalidAddress)?;
        Ok(Self { scheme, authority, base, host })
    }

    /// Whether it is spoken to over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The names of the first segment of its paths, where the address says it; none where that is the request's.
    pub(crate) fn first_names(&self) -> Vec<String> {
        match RequestPath::parse(&self.base) {
            Ok(base) => base.names(0).map(str::to_owned).collect(),
            Err(_) => Vec::new(),
        }
    }

    /// What stands in `Host`.
    pub(crate) const fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The URL of a target there: a path, and perhaps a query.
    ///
    /// # Errors
    /// Together they are no URL: too long.
    pub(crate) fn url(&self, target: PathAndQuery) -> Result<Uri, http::Error> {
        let target = if self.base.is_empty() {
            target
        } else {
            PathAndQuery::try_from(format!("{}{target}", self.base))?
        };
        let url = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        url.path_and_query(target).build()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_perhaps_a_port_and_a_path() {
        for (text, url) in [
            ("http://10.0.0.1:2200", "http://10.0.0.1:2200/a?b"),
            ("http://10.0.0.1:2200/", "http://10.0.0.1:2200/a?b"),
            ("https://engine.example/api/v1/", "https://engine.example/api/v1/a?b"),
            ("http://[::1]:80", "http://[::1]:80/a?b"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.url(PathAndQuery::from_static("/a?b")).unwrap(), url);
            assert_eq!(address.is_https(), text.starts_with("https"));
            assert_eq!(address.to_string(), text.strip_suffix('/').unwrap_or(text));
        }
        let names = |text| Address::parse(text).unwrap().first_names();
        assert_eq!(names("http://a/%66lows.v1/x"), ["flows.v1", "flows"]);
        assert_eq!((names("http://a"), names("http://a/")), (Vec::new(), Vec::new()));
        for bad in [
            "",
            "10.0.0.1:2200",
            "/flows",
            "ftp://a",
            "http://",
            "http://u:p@a",
            "http://a:0",
            "http://a:99999",
            "http://a:",
            "http://a?b",
            "http://a/#b",
            "http://a/../b",
            "http://a//b",
            "http://a/%2e%2e/b",
            "http://a/b%2fc",
            "unix:/run/x",
        ] {
            assert_eq!(Address::parse(bad).err(), Some(InvalidAddress), "{bad}");
        }
    }
}
