//! Which host a request is for: told once, and the same for everybody who reads it.

use http::Version;
use http::header::HOST;
use http::request::Parts;

use crate::error::ApiError;

/// HTTP/1.1 wants one `Host` (RFC 9112 section 3.2): with two of them, a proxy in front may have read the other. The
/// same goes for HTTP/2, whose `:authority` says it, or `Host` instead, or both the same (RFC 9113 section 8.3.1).
pub(crate) fn check_host(parts: &Parts) -> Result<(), ApiError> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let (host, is_more) = (hosts.next(), hosts.next().is_some());
    match parts.version {
        Version::HTTP_11 if host.is_some() && !is_more => Ok(()),
        Version::HTTP_11 => Err(ApiError::bad_request("Exactly one Host header is required")),
        Version::HTTP_2 => match (parts.uri.authority(), host) {
            _ if is_more => Err(ApiError::bad_request("Exactly one Host header is required")),
            (None, None) => Err(ApiError::bad_request("Either :authority or a Host header is required")),
            (Some(authority), _) if authority.as_str().contains('@') => {
                Err(ApiError::bad_request(":authority must not name a user"))
            }
            (Some(authority), Some(host))
                if !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) =>
            {
                Err(ApiError::bad_request(":authority and the Host header must be the same"))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}
