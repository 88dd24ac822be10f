//! Requests that are forwarded: whether they may be, and what the upstream is told about who asks.

use appmixer_gateway::{Found, From, Gateway, Inbound, Outbound, wants_websocket};
use http::request::Parts;
use http::{HeaderValue, Method, Version};
use hyper::upgrade::OnUpgrade;
use tokio::sync::oneshot;

use crate::answer_body::AnswerBody;
use crate::app::App;
use crate::asked::{Asked, Deeds};
use crate::body::RequestBody;
use crate::cors;
use crate::error::ApiError;
use crate::head::Head;
use crate::identity::identify;
use crate::pass::Pass;
use crate::request_id::X_REQUEST_ID;
use crate::response::Answer;
use crate::watch::{cuttable, tell};

/// What may be forwarded, as `Allow` lists it. Others may be too, but for one.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// What is known of a request for an upstream.
#[derive(Clone, Copy)]
pub(crate) struct Proxied<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) head: &'a Head<'a>,
    pub(crate) request_id: &'a HeaderValue,
}

pub(crate) async fn forward(
    app: &App,
    gateway: &Gateway,
    found: Found<'_, '_>,
    request: Proxied<'_>,
    body: &mut RequestBody,
) -> Result<Answer, ApiError> {
    let Parts { method, uri, headers: sent, version, extensions, .. } = request.parts;
    // What it sends back would be what the upstream alone is told (RFC 9110 section 9.3.8).
    if method == Method::TRACE {
        return Err(ApiError::method_not_allowed(method, METHODS));
    }
    let Found { route, is_open, path } = found;
    let mut deeds = Deeds::of_method(method.as_str());
    if route.forwards_overrides() {
        deeds = deeds.with_forwarded_overrides(sent);
    }
    let asked = || Asked::by_route(deeds, path?, route);
    let identity = if is_open {
        asked()?;
        None
    } else if method == Method::OPTIONS && cors::is_preflight(sent) {
        // It comes without a token, and what it asks is decided here.
        return Ok(cors::preflight(sent));
    } else {
        Some(identify(app, sent, || Ok(Some(asked()?))).await?)
    };

    let peer = request.head.peer;
    let from = From {
        peer: peer.address,
        is_trusted: request.head.proxies.contain(peer.address),
        is_secure: peer.over_tls,
        host: request.head.host,
    };
    let mut headers = gateway.headers(route, sent, *version, &from)?;
    if let Some(identity) = &identity {
        identity.write(&mut headers)?;
    }
    headers.insert(X_REQUEST_ID, request.request_id.clone());
    let mut pass = identity.map(|identity| Pass::of(request.parts, route, deeds, identity));
    let mut upload = body.take_upload(app.options.body_min_rate);
    let may_switch = upload.is_none() && *version == Version::HTTP_11 && method == Method::GET;
    let upgrade = extensions.get::<OnUpgrade>().filter(|_| may_switch && wants_websocket(sent)).cloned();
    let mut cutter = None;
    if pass.is_some() {
        upload = upload.map(|upload| {
            let (sender, cut) = oneshot::channel();
            cutter = Some(sender);
            cuttable(upload, cut)
        });
    }
    let forwarded = gateway.forward(route, Outbound { method, uri, headers, upload, upgrade });
    let inbound = match &mut pass {
        None => forwarded.await?,
        Some(pass) => tokio::select! {
            biased;
            inbound = forwarded => inbound?,
            error = pass.withdrawn(app) => {
                tell(&error);
                return Err(error);
            }
        },
    };
    Ok(match inbound {
        Inbound::Answer(answer) => answer.map(|download| AnswerBody::streamed(download, pass, cutter)),
        Inbound::Switched(head, tunnel) => head.map(|()| AnswerBody::switched(tunnel, pass)),
    })
}
