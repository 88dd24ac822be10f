//! A service behind a guard.

use std::pin::Pin;

use http::{Request, Response};

use super::{CheckToken, Guard};

/// A service that gets only requests with a good token, with the token's [`Claims`](crate::Claims) among their
/// extensions. Others are answered as [`Refused::into_response`](crate::Refused::into_response) says.
///
/// Made by tower's `Layer::layer`, or by [`Guard::around`].
#[derive(Clone, Debug)]
pub struct Guarded<S, K> {
    pub(super) service: S,
    pub(super) guard: Guard<K>,
}

impl<K> Guard<K> {
    /// Puts itself around a service.
    #[must_use]
    pub fn around<S>(self, service: S) -> Guarded<S, K> {
        Guarded { service, guard: self }
    }
}

/// An answer that is on its way.
pub(super) type Answering<R, E> = Pin<Box<dyn Future<Output = Result<R, E>> + Send>>;

/// Hands a request on to a service if its token is good, and answers it otherwise.
pub(super) fn answer<K, B, A, E, F>(
    guard: Guard<K>,
    mut request: Request<B>,
    hand_on: impl FnOnce(Request<B>) -> F + Send + 'static,
) -> Answering<Response<A>, E>
where
    K: CheckToken + Send + Sync + 'static,
    B: Send + 'static,
    A: From<String>,
    F: Future<Output = Result<Response<A>, E>> + Send,
{
    Box::pin(async move {
        match guard.check(request.headers()).await {
            Ok(claims) => {
                request.extensions_mut().insert(claims);
                hand_on(request).await
            }
            Err(refused) => Ok(refused.into_response()),
        }
    })
}
