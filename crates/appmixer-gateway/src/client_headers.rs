//! Which of a client's headers an upstream may receive.
//!
//! CGI, WSGI and PHP make variables of headers and see no difference between `-`, `_` and `.` in a name. Every name here
//! therefore stands for all of its spellings.

use http::HeaderName;

/// Where proxies that authenticate users, this gateway included, name the user.
const IDENTITY: [&str; 3] = ["x-user-", "x-remote-", "remote-"];

/// Where proxies say from where and for which host a request came.
const ORIGIN: [&str; 2] = ["x-forwarded-", "x-real-ip"];

/// What frameworks take in the place of a request's method.
const METHOD: [&str; 3] = ["x-http-method", "x-http-method-override", "x-method-override"];

/// What frameworks take in the place of a request's path, or of the beginning of it.
const TARGET: [&str; 5] =
    ["x-original-", "x-rewrite-", "x-envoy-original-", "x-script-name", "x-waws-unencoded-url"];

/// CGI makes `HTTP_PROXY` of it, through which many HTTP clients send their requests (CVE-2016-5385).
const PROXY: &str = "proxy";

/// Whether a header of a client ends here.
///
/// `is_trusted` says that it comes from a proxy whose word about the origin counts; `forwards_overrides` that the
/// upstream may replace the method and the path by what headers say.
pub(crate) fn is_withheld(name: &HeaderName, is_trusted: bool, forwards_overrides: bool) -> bool {
    let text = name.as_str();
    match text.as_bytes().first() {
        Some(b'x') => {}
        // Nearly all names end here.
        Some(b'p' | b'r') => return text == PROXY || begins_with_one(text, &IDENTITY),
        _ => return false,
    }
    // A trusted proxy writes its own headers with `-`: any other spelling came from its client.
    let is_of_a_proxy = is_trusted && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric());
    begins_with_one(text, &IDENTITY)
        || !is_of_a_proxy && begins_with_one(text, &ORIGIN)
        || !forwards_overrides && (begins_with_one(text, &TARGET) || overrides_method(name))
}

/// Whether frameworks take a header's value in the place of the request's method, as with `X-HTTP-Method-Override`.
#[must_use]
pub fn overrides_method(name: &HeaderName) -> bool {
    let text = name.as_str();
    METHOD.iter().any(|method| text.len() == method.len() && begins_with(text, method))
}

fn begins_with_one(name: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| begins_with(name, beginning))
}

fn begins_with(name: &str, beginning: &str) -> bool {
    let is_alike = |(one, other): (u8, u8)| one == other || (other == b'-' && !one.is_ascii_alphanumeric());
    name.len() >= beginning.len() && name.bytes().zip(beginning.bytes()).all(is_alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn withheld(name: &str, is_trusted: bool, forwards_overrides: bool) -> bool {
        is_withheld(&name.parse().unwrap(), is_trusted, forwards_overrides)
    }

    #[test]
    fn no_spelling_of_an_identity_header_is_forwarded_whoever_sends_it() {
        for name in [
            "X-User-Id",
            "X-User-Anything",
            "X_User_Id",
            "X.User.Id",
            "x-user_name",
            "X~User!Scope",
            "Remote-User",
            "REMOTE_USER",
            "Remote.Groups",
            "X-Remote-User",
            "X_Remote_Group",
            "Proxy",
        ] {
            for (is_trusted, forwards_overrides) in [(false, false), (true, false), (true, true)] {
                assert!(withheld(name, is_trusted, forwards_overrides), "{name}");
            }
        }
    }

    #[test]
    fn headers_that_override_method_or_path_are_forwarded_where_the_operator_wants_it() {
        for name in [
            "X-HTTP-Method-Override",
            "X-HTTP-Method",
            "X-Method-Override",
            "X_HTTP_Method_Override",
            "X.HTTP.Method",
            "X-Original-URL",
            "X-Original-URI",
            "X-Original-Method",
            "X_Original_URL",
            "X-Rewrite-URL",
            "X-Script-Name",
            "X-Envoy-Original-Path",
        ] {
            assert!(withheld(name, false, false) && withheld(name, true, false), "{name}");
            assert!(!withheld(name, false, true), "{name}");
        }
    }

    #[test]
    fn the_origin_of_a_request_is_a_trusted_proxy_s_to_say_in_its_own_spelling() {
        for name in ["X-Forwarded-For", "X-Forwarded-User", "X-Real-IP"] {
            assert!(withheld(name, false, true) && !withheld(name, true, false), "{name}");
        }
        for name in ["X_Forwarded_For", "X-Forwarded-Client_Cert", "X.Real.IP"] {
            assert!(withheld(name, true, true), "{name}");
        }
    }

    #[test]
    fn other_headers_are_forwarded() {
        for name in [
            "X-Userland",
            "X-Request-Id",
            "X-HTTP-Method-Overridden",
            "X-HTTP",
            "X-Originals",
            "Remotely",
            "Range",
            "Prefer",
            "Proxy-Status",
            "User-Agent",
            "X",
        ] {
            assert!(!withheld(name, false, false), "{name}");
        }
    }

    #[test]
    fn a_method_override_is_known_in_every_spelling() {
        for (name, expected) in [
            ("x-http-method-override", true),
            ("x_http_method_override", true),
            ("x.method.override", true),
            ("x-http-method", true),
            ("x-http-methods", false),
            ("x-original-url", false),
        ] {
            assert_eq!(overrides_method(&name.parse().unwrap()), expected, "{name}");
        }
    }
}
