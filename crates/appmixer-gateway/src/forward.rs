//! One request: to an upstream, and to another one where that is safe.

use std::sync::Arc;

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use thiserror::Error;
use tokio::time::{Instant, sleep_until};

use crate::counts::Trouble;
use crate::download::Download;
use crate::heads;
use crate::pool::{Failure, Lease, Tried};
use crate::route::Route;
use crate::tunnel::Tunnel;
use crate::upload::{Fault, Outgoing, Source, Upload};

/// How often a request is tried, the first time with it.
const MOST_TRIES: u32 = 3;

/// After how many seconds it makes sense to try again where no upstream works.
const RETRY_AFTER: u32 = 1;

/// A request that may be forwarded.
pub struct Outbound<'a> {
    /// Its method.
    pub method: &'a Method,
    /// What was asked for.
    pub uri: &'a Uri,
    /// The headers of [`Gateway::headers`](crate::Gateway::headers), with whatever was added to them.
    pub headers: HeaderMap,
    /// Its body, if it has one.
    pub upload: Option<Upload>,
    /// What becomes of the client's connection when it is switched to WebSocket; where the client wants that.
    pub upgrade: Option<OnUpgrade>,
}

/// What an upstream has answered.
pub enum Inbound {
    /// An answer.
    Answer(Response<Download>),
    /// The connection goes on with WebSocket: the answer's head, and what is to run behind it.
    Switched(Response<()>, Tunnel),
}

/// Why a request was not answered by an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ForwardError {
    /// All upstreams have failed their health checks.
    #[error("no upstream works")]
    Unavailable {
        /// In seconds, when it makes sense to try again.
        retry_after: u32,
    },
    /// None of those that were tried could be connected to.
    #[error("the upstream could not be reached")]
    Unreachable {
        /// In seconds, when it makes sense to try again.
        retry_after: u32,
    },
    /// The connection to it ended without an answer, or with one that is none.
    #[error("the upstream has not answered as it should")]
    Broken,
    /// Its answer has not begun in time.
    #[error("the upstream has not answered in time")]
    Late,
    /// The request has come through here before.
    #[error("the request goes in circles")]
    Loop,
    /// The request's body is larger than so many bytes.
    #[error("the request body is larger than {0} bytes")]
    RequestTooLarge(u64),
    /// The request's body has stopped coming.
    #[error("the request body has not come in time")]
    RequestLate,
    /// The request's body has broken off.
    #[error("the request body has broken off")]
    RequestBroken,
    /// The path is too long for the upstream's base.
    #[error("the path is too long")]
    PathTooLong,
}

impl ForwardError {
    const fn trouble(self) -> Trouble {
        match self {
            Self::Unavailable { .. } => Trouble::Unavailable,
            Self::Unreachable { .. } => Trouble::Unreachable,
            Self::Broken => Trouble::Broken,
            Self::Late => Trouble::Late,
            Self::Loop
            | Self::RequestTooLarge(_)
            | Self::RequestLate
            | Self::RequestBroken
            | Self::PathTooLong => Trouble::Client,
        }
    }
}

pub(crate) async fn forward(route: &Arc<Route>, request: Outbound<'_>) -> Result<Inbound, ForwardError> {
    let started = Instant::now();
    let outcome = tries(route, request).await;
    match &outcome {
        Ok(Inbound::Answer(answer)) => route.counts.answered(answer.status(), started.elapsed()),
        Ok(Inbound::Switched(answer, _)) => route.counts.answered(answer.status(), started.elapsed()),
        Err(error) => route.counts.trouble(error.trouble()),
    }
    outcome
}

async fn tries(route: &Arc<Route>, request: Outbound<'_>) -> Result<Inbound, ForwardError> {
    let Outbound { method, uri, mut headers, upload, upgrade } = request;
    let limit = route.options.max_request;
    if let (Some(limit), Some(length)) = (limit, upload.as_ref().and_then(|upload| upload.length))
        && length > limit
    {
        return Err(ForwardError::RequestTooLarge(limit));
    }
    let source = upload.map(|upload| Source::new(upload, limit));
    let target = target(route, uri, &mut headers)?;
    let (mut tried, mut count) = (Tried::default(), 0);
    let mut last = ForwardError::Unavailable { retry_after: retry_after(route) };
    while let Some(lease) = route.pool.choose(tried) {
        count += 1;
        let is_last = count == MOST_TRIES;
        // Room for it only where there may be another try.
        let headers = if is_last { std::mem::take(&mut headers) } else { headers.clone() };
        let one = Try { route, method, target: &target, source: source.as_ref(), upgrade: upgrade.as_ref() };
        let failed = match one.run(headers, lease).await {
            Ok(inbound) => return Ok(inbound),
            Err(failed) => failed,
        };
        last = failed.error;
        if is_last || !failed.is_safe_again {
            break;
        }
        // With a single upstream, what has failed may have been an old connection. One that could not be reached would
        // not be a moment later.
        let is_other = route.pool.upstreams().len() > 1;
        if is_other {
            tried.add(failed.lease.upstream());
        } else if matches!(last, ForwardError::Unreachable { .. }) || count > 1 {
            break;
        }
        route.counts.retried();
    }
    Err(last)
}

/// What is asked of the upstream.
fn target(route: &Route, uri: &Uri, headers: &mut HeaderMap) -> Result<PathAndQuery, ForwardError> {
    let target = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    if !route.strips_prefix() {
        return Ok(target);
    }
    headers.insert(heads::X_FORWARDED_PREFIX, route.prefix_header.clone());
    let behind = route.options.prefix.behind(target.path());
    let behind = match target.query() {
        Some(query) => PathAndQuery::try_from(format!("{behind}?{query}")),
        None => PathAndQuery::try_from(behind),
    };
    behind.map_err(|_| ForwardError::PathTooLong)
}

fn retry_after(route: &Route) -> u32 {
    let interval = route.options.health.as_ref().map(|check| check.interval.as_secs().max(1));
    interval.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(RETRY_AFTER)
}

struct Try<'a> {
    route: &'a Arc<Route>,
    method: &'a Method,
    target: &'a PathAndQuery,
    source: Option<&'a Arc<Source>>,
    upgrade: Option<&'a OnUpgrade>,
}

struct Failed {
    error: ForwardError,
    /// What the connection to the upstream says, for the log: refused, a name that is unknown, a certificate.
    cause: Option<String>,
    lease: Lease,
    /// Whether the upstream cannot have done anything yet, or would do the same again.
    is_safe_again: bool,
}

/// Why there is no answer of an upstream.
struct NoAnswer {
    error: ForwardError,
    cause: Option<String>,
    is_safe_again: bool,
}

impl NoAnswer {
    const fn of(error: ForwardError) -> Self {
        Self { error, cause: None, is_safe_again: false }
    }
}

impl Try<'_> {
    async fn run(self, mut headers: HeaderMap, lease: Lease) -> Result<Inbound, Failed> {
        let upstream = lease.upstream();
        let Ok(url) = upstream.address.url(self.target.clone()) else {
            return Err(Failed {
                error: ForwardError::PathTooLong,
                cause: None,
                lease,
                is_safe_again: false,
            });
        };
        if !self.route.options.preserve_host || !headers.contains_key(HOST) {
            headers.insert(HOST, upstream.address.host().clone());
        }
        if self.upgrade.is_some() {
            heads::upgrade(&mut headers);
        }
        let mut request = Request::new(self.source.map_or_else(Outgoing::none, Outgoing::of));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = url;
        *request.headers_mut() = headers;
        match self.answer(request).await {
            Ok(answer) => {
                self.route.tell(upstream.answered(), upstream, &"");
                self.inbound(answer, lease)
            }
            Err(NoAnswer { error, cause, is_safe_again }) => {
                Err(Failed { error, cause, lease, is_safe_again })
            }
        }
        .inspect_err(|failed| self.note(failed))
    }

    /// The head of the answer, in the time that there is for it.
    async fn answer(&self, request: Request<Outgoing>) -> Result<Response<Incoming>, NoAnswer> {
        let progress = || self.source.map_or(0, |source| source.progress());
        let patience = self.route.options.head_timeout;
        let mut answer = std::pin::pin!(self.route.client.request(request));
        let (mut seen, mut since) = (progress(), Instant::now());
        let error = loop {
            tokio::select! {
                biased;
                answer = &mut answer => match answer {
                    Ok(answer) => return Ok(answer),
                    Err(error) => break error,
                },
                () = sleep_until(since + patience) => {
                    // As long as the request is still on its way, no answer is late.
                    let now = progress();
                    if now == seen {
                        return Err(NoAnswer::of(ForwardError::Late));
                    }
                    (seen, since) = (now, Instant::now());
                }
            }
        };
        if let Some(fault) = self.source.and_then(|source| source.fault()) {
            let error = match fault {
                Fault::TooLarge => {
                    ForwardError::RequestTooLarge(self.route.options.max_request.unwrap_or(u64::MAX))
                }
                Fault::Late => ForwardError::RequestLate,
                Fault::Broken => ForwardError::RequestBroken,
            };
            return Err(NoAnswer::of(error));
        }
        let cause = crate::innermost(&error);
        tracing::debug!(route = self.route.name(), error = cause, "an upstream has not answered");
        let cause = Some(cause);
        let is_untouched = self.source.is_none_or(|source| !source.has_begun());
        if error.is_connect() {
            let error = ForwardError::Unreachable { retry_after: RETRY_AFTER };
            return Err(NoAnswer { error, cause, is_safe_again: is_untouched });
        }
        // RFC 9110 section 9.2.2: what is idempotent may be asked again.
        let is_same_again = self.method.is_idempotent() && self.source.is_none();
        Err(NoAnswer { error: ForwardError::Broken, cause, is_safe_again: is_same_again })
    }

    fn inbound(&self, mut answer: Response<Incoming>, lease: Lease) -> Result<Inbound, Failed> {
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(client) = self.upgrade.filter(|_| heads::is_websocket(answer.headers())) else {
                return Err(Failed { error: ForwardError::Broken, cause: None, lease, is_safe_again: false });
            };
            let upstream = hyper::upgrade::on(&mut answer);
            let (mut parts, _) = answer.into_parts();
            heads::for_client(&mut parts.headers, false);
            heads::upgrade(&mut parts.headers);
            let patience = self.route.options.idle_timeout;
            let tunnel = Tunnel { client: client.clone(), upstream, patience, lease };
            return Ok(Inbound::Switched(Response::from_parts(parts, ()), tunnel));
        }
        let (mut parts, body) = answer.into_parts();
        if let (Some(limit), Some(length)) = (self.route.options.max_answer, body.size_hint().exact())
            && length > limit
        {
            return Err(Failed { error: ForwardError::Broken, cause: None, lease, is_safe_again: false });
        }
        let hop = heads::for_client(&mut parts.headers, !body.is_end_stream());
        // Each side has its own version; hyper knows the client's.
        parts.version = http::Version::HTTP_11;
        let download = Download::new(body, hop, Arc::clone(self.route), lease);
        Ok(Inbound::Answer(Response::from_parts(parts, download)))
    }

    /// What the pool learns from a failure.
    fn note(&self, failed: &Failed) {
        let upstream = failed.lease.upstream();
        let failure = match failed.error {
            ForwardError::Unreachable { .. } => Failure::Unreachable,
            ForwardError::Broken | ForwardError::Late => Failure::Broken,
            _ => return,
        };
        let turn = self.route.pool.failed(upstream, failure);
        match &failed.cause {
            Some(cause) => self.route.tell(turn, upstream, &format_args!("{}: {cause}", failed.error)),
            None => self.route.tell(turn, upstream, &failed.error),
        }
    }
}
