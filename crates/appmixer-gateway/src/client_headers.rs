//! Which of a client's headers an upstream may receive.
//!
//! CGI, WSGI and PHP make variables of headers and see no difference between `-`, `_` and `.` in a name. Every name here
//! therefore stands for all of its spellings.

use http::HeaderName;

/// Names and beginnings of names by which proxies that authenticate users, this gateway included, name the user. No
/// request has one of them from outside: who the user is, the gateway alone says.
const IDENTITY: [&str; 10] = [
    "x-user-",
    "x-remote-",
    "remote-",
    "x-webauth-",
    "x-authenticated-",
    "x-auth-request-",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
];

/// Names and beginnings of names by which proxies say from where and for which host a request came.
const ORIGIN: [&str; 7] = [
    "x-forwarded-",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "client-ip",
    "cf-connecting-ip",
];

/// What frameworks take in the place of a request's method.
const METHOD: [&str; 3] = ["x-http-method", "x-http-method-override", "x-method-override"];

/// By which a proxy that asks whether its client may do something names the method. `/auth/verify` reads them as that.
/// An upstream may take them in the place of the request's method.
const ORIGINAL_METHOD: [&str; 2] = ["x-original-method", "x-forwarded-method"];

/// What frameworks take in the place of a request's path, or of the beginning of it.
const TARGET: [&str; 5] =
    ["x-original-", "x-rewrite-", "x-envoy-original-", "x-script-name", "x-waws-unencoded-url"];

/// CGI makes `HTTP_PROXY` of it, through which many HTTP clients send their requests (CVE-2016-5385).
const PROXY: &str = "proxy";

/// What this gateway or HTTP itself has under these names. In another spelling they would reach an upstream that makes
/// variables of headers next to the real ones.
const SPELLED_WITH_HYPHENS: [&str; 7] = [
    "x-request-id",
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "proxy-authorization",
    "proxy-authenticate",
    "proxy-connection",
];

/// Whether a header of a client ends here.
///
/// `is_trusted` says that it comes from a proxy whose word about the origin counts; `forwards_overrides` that the
/// upstream may replace the method and the path by what headers say.
pub(crate) fn is_withheld(name: &HeaderName, is_trusted: bool, forwards_overrides: bool) -> bool {
    let text = name.as_str();
    if !matches!(text.as_bytes().first(), Some(b'c' | b'k' | b'p' | b'r' | b't' | b'x')) {
        return false;
    }
    let has_hyphens_alone = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric());
    // A trusted proxy writes its own headers with `-`: any other spelling came from its client.
    let is_of_a_proxy = is_trusted && has_hyphens_alone;
    text == PROXY
        || begins_with_one(text, &IDENTITY)
        || !is_of_a_proxy && begins_with_one(text, &ORIGIN)
        || !has_hyphens_alone && is_one(text, &SPELLED_WITH_HYPHENS)
        || !forwards_overrides && (begins_with_one(text, &TARGET) || may_override_method(name))
}

/// Whether frameworks take a header's value in the place of the request's method, as with `X-HTTP-Method-Override`.
#[must_use]
pub fn overrides_method(name: &HeaderName) -> bool {
    is_one(name.as_str(), &METHOD)
}

/// Whether an upstream may take a header's value in the place of the request's method: one that [`overrides_method`], or
/// one by which a proxy names the original method, such as `X-Original-Method`.
#[must_use]
pub fn may_override_method(name: &HeaderName) -> bool {
    overrides_method(name) || is_one(name.as_str(), &ORIGINAL_METHOD)
}

fn is_one(name: &str, names: &[&str]) -> bool {
    names.iter().any(|one| name.len() == one.len() && begins_with(name, one))
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
            "X-Webauth-User",
            "X-WEBAUTH_ROLE",
            "X-Authenticated-User",
            "X.Authenticated.Userid",
            "X-Auth-Request-User",
            "X_Auth_Request_Email",
            "X-Auth-Request-Groups",
            "X-Auth-Request-Preferred-Username",
            "X-Forwarded-User",
            "X-Forwarded-Email",
            "X_Forwarded_Groups",
            "X-Forwarded-Preferred-Username",
            "X-Request_Id",
            "X_Request_Id",
            "X.Request-Id",
            "Content_Length",
            "Transfer_Encoding",
            "Proxy_Authorization",
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
        for name in [
            "X-Forwarded-For",
            "X-Forwarded-Port",
            "X-Real-IP",
            "True-Client-IP",
            "Client-IP",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "CF-Connecting-IP",
            "CF-Connecting-IPv6",
        ] {
            assert!(withheld(name, false, true) && !withheld(name, true, false), "{name}");
        }
        for name in [
            "X_Forwarded_For",
            "X-Forwarded-Client_Cert",
            "X.Real.IP",
            "True_Client_IP",
            "Client_IP",
            "X-Client_IP",
            "CF.Connecting.IP",
        ] {
            assert!(withheld(name, true, true), "{name}");
        }
        // A method is nothing of the origin.
        assert!(withheld("X-Forwarded-Method", true, false) && !withheld("X-Forwarded-Method", true, true));
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
            "X-Request-Ids",
            "X_Request",
            "X-Auth-Token",
            "X-Authenticate",
            "Client-Id",
            "Content-Type",
            "Content_Type",
            "Cookie",
            "TE",
            "Traceparent",
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
            let name = name.parse().unwrap();
            assert_eq!((overrides_method(&name), may_override_method(&name)), (expected, expected), "{name}");
        }
        for name in ["x-original-method", "X_Original.Method", "x-forwarded-method"] {
            let name = name.parse().unwrap();
            assert!(may_override_method(&name) && !overrides_method(&name), "{name}");
        }
    }
}
