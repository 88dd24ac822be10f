//! Webhooks: one POST of JSON each, signed.

use std::time::Duration;

use appmixer_core::{Channel, Message};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::lane::{Outcome, Sent};
use crate::settings::Settings;
use crate::{Notifier, signature};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What `WEBHOOK_USER_FORGOT_PASSWORD` and `WEBHOOK_USER_CONFIRM` receive.
pub(crate) fn code_body(message: &Message, sent: &Sent) -> Zeroizing<String> {
    let told = json!({
        "code": *sent.code,
        "email": sent.user.names.email.as_str(),
        "userId": sent.user.id,
        "created": message.created,
        "link": *sent.link,
    });
    Zeroizing::new(told.to_string())
}

const fn event(channel: Channel) -> &'static str {
    match channel {
        Channel::ResetMail | Channel::ResetWebhook => "user.forgot-password",
        Channel::ConfirmMail | Channel::ConfirmWebhook => "user.confirm",
        Channel::CreatedWebhook => "user.created",
        Channel::DeletedWebhook => "user.deleted",
    }
}

pub(crate) async fn send(
    notifier: &Notifier,
    settings: &Settings<'_>,
    message: &Message,
    body: &str,
) -> Outcome {
    let Some(url) = settings.url(message.channel) else {
        return Outcome::Refused(format!("{} is not set any more", message.channel.key()));
    };
    let Ok(url) = url.parse::<Uri>() else {
        return Outcome::Failed(format!("{} is no URL", message.channel.key()));
    };
    let key = match settings.webhook_secret() {
        Some(key) => Ok(key),
        None => notifier.webhook_key().await,
    };
    let key = match key {
        Ok(key) => key,
        Err(error) => return Outcome::Failed(error),
    };
    let is_https = url.scheme_str() == Some("https");
    let request = Request::post(url)
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header(USER_AGENT, concat!("appmixer-server/", env!("CARGO_PKG_VERSION")))
        .header("X-Appmixer-Delivery", message.id.to_string())
        .header("X-Appmixer-Event", event(message.channel))
        // Signed anew for each attempt: a receiver refuses what is too old.
        .header("X-Appmixer-Signature", signature::header(&key, notifier.clock.now(), body))
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    let Ok(request) = request else {
        return Outcome::Failed(format!("{} cannot be asked", message.channel.key()));
    };

    let mut http = HttpConnector::new();
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let answer = async {
        if is_https { post(https(http, notifier).await?, request).await } else { post(http, request).await }
    };
    match timeout(notifier.options.timeout, answer).await {
        Ok(Ok(status)) => judge(status),
        Ok(Err(error)) => Outcome::Failed(error),
        Err(_) => Outcome::Failed("no answer in time".to_owned()),
    }
}

async fn https(
    mut http: HttpConnector,
    notifier: &Notifier,
) -> Result<HttpsConnector<HttpConnector>, String> {
    http.enforce_http(false);
    let ca_file = notifier.options.ca_file.clone();
    let config = spawn_blocking(move || appmixer_tls::client_config(ca_file.as_deref()));
    let config = config.await.map_err(|error| error.to_string())?;
    let config = config.map_err(|error| format!("delivery.ca_file, {error}"))?;
    Ok(HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().wrap_connector(http))
}

/// One request on a connection of its own. What the receiver says besides the status is not read.
async fn post<C>(connector: C, request: Request<Full<Bytes>>) -> Result<StatusCode, String>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
    let answer = client.request(request).await.map_err(|error| {
        if let Some(refusal) = appmixer_tls::refusal(&error) {
            return format!("no answer: {refusal}");
        }
        // The innermost cause says most: refused, or unreachable.
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        format!("no answer: {cause}")
    })?;
    Ok(answer.status())
}

/// A redirect may be a mistake that is mended, as a 5xx is. Any other 4xx says that this request is wrong, and
/// it will not be another one tomorrow.
fn judge(status: StatusCode) -> Outcome {
    let error = format!("the receiver answered {}", status.as_u16());
    match status.as_u16() {
        200..=299 => Outcome::Delivered,
        408 | 425 | 429 => Outcome::Failed(error),
        400..=499 => Outcome::Refused(error),
        _ => Outcome::Failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_2xx_and_final_is_what_will_not_change() {
        for (status, expected) in [
            (200, "delivered"),
            (204, "delivered"),
            (302, "failed"),
            (400, "refused"),
            (404, "refused"),
            (408, "failed"),
            (410, "refused"),
            (425, "failed"),
            (429, "failed"),
            (500, "failed"),
            (503, "failed"),
        ] {
            let outcome = match judge(StatusCode::from_u16(status).unwrap()) {
                Outcome::Delivered => "delivered",
                Outcome::Refused(_) => "refused",
                Outcome::Failed(_) => "failed",
                Outcome::Pointless => "pointless",
            };
            assert_eq!(outcome, expected, "{status}");
        }
    }
}
