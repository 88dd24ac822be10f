//! The guard around a service of hyper's own.

use ::hyper::service::Service;
use http::{Request, Response};

use super::CheckToken;
use super::service::{Answering, Guarded, answer};

impl<S, K, B, A> Service<Request<B>> for Guarded<S, K>
where
    S: Service<Request<B>, Response = Response<A>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    K: CheckToken + Clone + Send + Sync + 'static,
    B: Send + 'static,
    A: From<String>,
{
    type Response = Response<A>;
    type Error = S::Error;
    type Future = Answering<Self::Response, Self::Error>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let (service, guard) = (self.service.clone(), self.guard.clone());
        answer(guard, request, move |request| service.call(request))
    }
}
