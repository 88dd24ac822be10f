//! The guard as a layer of tower's.

use std::mem;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::service::{Answering, Guarded, answer};
use super::{CheckToken, Guard};

impl<S, K: Clone> Layer<S> for Guard<K> {
    type Service = Guarded<S, K>;

    fn layer(&self, service: S) -> Self::Service {
        self.clone().around(service)
    }
}

impl<S, K, B, A> Service<Request<B>> for Guarded<S, K>
where
    S: Service<Request<B>, Response = Response<A>> + Clone + Send + 'static,
    S::Future: Send,
    K: CheckToken + Clone + Send + Sync + 'static,
    B: Send + 'static,
    A: From<String>,
{
    type Response = Response<A>;
    type Error = S::Error;
    type Future = Answering<Self::Response, Self::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was ready is used; a clone of it may not be.
        let next = self.service.clone();
        let mut service = mem::replace(&mut self.service, next);
        answer(self.guard.clone(), request, move |request| service.call(request))
    }
}
