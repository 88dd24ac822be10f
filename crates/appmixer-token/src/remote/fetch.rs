//! One fetch of a JWK set: bounded in time and size, without redirects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use super::{FetchError, RemoteOptions};
use crate::jwks::{Jwks, JwksError, MAX_JWKS_BYTES};

/// How long a set is fresh of which the server does not say.
const DEFAULT_AGE: Duration = Duration::from_mins(5);

#[derive(Clone, Debug)]
pub(super) struct Source {
    url: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Source {
    pub(super) fn new(text: &str, options: &RemoteOptions) -> Result<Self, FetchError> {
        let wrong = || FetchError::Url(text.to_owned());
        let url: Uri = text.parse().map_err(|_| wrong())?;
        let is_https = match url.scheme_str() {
            Some("https") => true,
            Some("http") if options.allow_http => false,
            _ => return Err(wrong()),
        };
        // A name or password in it would be sent to nobody, and shown in errors.
        if url.authority().is_none_or(|authority| authority.as_str().contains('@')) {
            return Err(FetchError::Url("what was given".to_owned()));
        }
        let mut tls = match &options.tls {
            Some(config) => config.clone(),
            None if is_https => trusting_the_system()?,
            None => trusting(RootCertStore::empty())?,
        };
        // The connector adds what it speaks, and panics about what is there already.
        tls.alpn_protocols.clear();
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        let connector = if is_https { builder.https_only() } else { builder.https_or_http() };
        let connector = connector.enable_http1().build();
        // Fetches are minutes apart: no connection is kept for the next one.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { url, client })
    }

    /// The set, and how long it is fresh.
    pub(super) async fn fetch(&self, patience: Duration) -> Result<(Jwks, Duration), FetchError> {
        let outcome = timeout(patience, self.fetch_patiently()).await;
        outcome.unwrap_or_else(|_| Err(FetchError::NoAnswer("it takes too long".to_owned())))
    }

    async fn fetch_patiently(&self) -> Result<(Jwks, Duration), FetchError> {
        let request = Request::get(self.url.clone())
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .body(Empty::new())
            .map_err(|_| FetchError::Url(self.url.to_string()))?;
        let answer = self.client.request(request).await.map_err(|error| {
            // The innermost cause says most.
            let mut cause: &dyn std::error::Error = &error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            FetchError::NoAnswer(cause.to_string())
        })?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let age = max_age(answer.headers());
        let body = Limited::new(answer.into_body(), MAX_JWKS_BYTES).collect().await;
        let body = body.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                FetchError::Jwks(JwksError::TooLarge)
            } else {
                FetchError::NoAnswer("the answer broke off".to_owned())
            }
        })?;
        Ok((Jwks::parse(&body.to_bytes())?, age))
    }
}

/// What `Cache-Control` allows (RFC 9111 section 5.2.2). What cannot be read allows nothing.
fn max_age(headers: &HeaderMap) -> Duration {
    let mut age = None;
    for value in headers.get_all(CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or("no-store").split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return Duration::ZERO,
                "max-age" => {
                    let seconds = argument.trim().trim_matches('"').parse().unwrap_or(0);
                    age = age.max(Some(Duration::from_secs(seconds)));
                }
                _ => {}
            }
        }
    }
    age.unwrap_or(DEFAULT_AGE)
}

fn trusting_the_system() -> Result<ClientConfig, FetchError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(FetchError::NoAuthorities) } else { trusting(roots) }
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig, FetchError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| FetchError::NoAuthorities)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn cache_control_says_how_long_a_set_is_fresh() {
        for (value, seconds) in [
            ("max-age=300", 300),
            ("public, Max-Age = \"60\"", 60),
            ("max-age=60, no-cache", 0),
            ("no-store", 0),
            ("max-age=-1", 0),
            ("max-age=99999999999999999999", 0),
            ("public", 300),
            ("", 300),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_str(value).unwrap());
            assert_eq!(max_age(&headers), Duration::from_secs(seconds), "{value}");
        }
        assert_eq!(max_age(&HeaderMap::new()), DEFAULT_AGE);
    }

    #[test]
    fn keys_are_fetched_over_https_unless_http_is_allowed() {
        let plain = RemoteOptions { allow_http: true, ..RemoteOptions::default() };
        for url in ["http://127.0.0.1/x", "ftp://a/x", "/x", "", "https://", "https://me:secret@a/x"] {
            let refused = Source::new(url, &RemoteOptions::default()).err();
            assert!(matches!(&refused, Some(FetchError::Url(text)) if !text.contains("secret")), "{url}");
        }
        assert!(Source::new("http://127.0.0.1/x", &plain).is_ok());
    }
}
