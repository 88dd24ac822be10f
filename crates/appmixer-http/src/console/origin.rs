//! The origin that is the console's alone.

use http::Uri;
use thiserror::Error;

use crate::head::Head;
use crate::host;

/// An origin (RFC 6454) that the console has to itself: under any other host there is no console, and under this one
/// nothing is forwarded. Pages of upstreams would otherwise be of the console's own origin, and browsers keep pages of one
/// origin from nothing that another one of it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleOrigin {
    text: String,
    host: String,
    is_https: bool,
}

/// The text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an origin such as https://admin.example.com")]
pub struct InvalidConsoleOrigin(String);

impl ConsoleOrigin {
    /// Reads an origin, in the form in which browsers write it: a scheme, a host, and a port if it is not the scheme's.
    ///
    /// # Errors
    /// [`InvalidConsoleOrigin`].
    pub fn parse(text: &str) -> Result<Self, InvalidConsoleOrigin> {
        let wrong = || InvalidConsoleOrigin(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (is_https, port) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?;
        let is_whole = uri.path() == "/" && uri.query().is_none() && !text.ends_with('/');
        // A host that no request may have could never match.
        let is_host = host::is_valid(authority.as_str()) && !authority.as_str().ends_with(':');
        if !is_whole || !is_host || authority.port_u16() == Some(port) {
            return Err(wrong());
        }
        Ok(Self { text: text.to_ascii_lowercase(), host: authority.as_str().to_ascii_lowercase(), is_https })
    }

    /// As text, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) const fn is_https(&self) -> bool {
        self.is_https
    }

    /// Whether a request is for this host.
    pub(super) fn is_asked(&self, head: &Head<'_>) -> bool {
        head.host.is_some_and(|host| host.eq_ignore_ascii_case(&self.host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_write() {
        for good in ["https://admin.example.com", "http://127.0.0.1:2200", "https://[::1]:8443"] {
            assert_eq!(ConsoleOrigin::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "admin.example.com",
            "https://a.b/",
            "https://a.b/console",
            "https://a.b?x",
            "https://u@a.b",
            "https://a.b:443",
            "http://a.b:80",
            "ftp://a.b",
            "https://a:99999",
            "https://a,b",
            "https://a;b",
            "https://a:",
            "*",
        ] {
            assert_eq!(ConsoleOrigin::parse(bad), Err(InvalidConsoleOrigin(bad.to_owned())), "{bad}");
        }
    }
}
