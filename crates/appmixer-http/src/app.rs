//! The application: from a request to an answer.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use appmixer_apps::Apps;
use appmixer_core::{Context, DeliveryLog, MailTester, StoreError};
use appmixer_gateway::{Found, Gateway};
use appmixer_metrics::Registry;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::access_log::{self, Access};
use crate::answer_body::AnswerBody;
use crate::body::RequestBody;
use crate::body_room::BodyRoom;
use crate::console::{self, Console, Exchange};
use crate::cors;
use crate::epochs::Epochs;
use crate::error::ApiError;
use crate::head::{Head, Peer};
use crate::history::History;
use crate::host;
use crate::limits::Limits;
use crate::live_rules::{LiveRules, RuleSets};
use crate::metrics;
use crate::openapi::Reference;
use crate::options::{HttpOptions, TokenOptions};
use crate::proxied::{self, Proxied};
use crate::request_id::{self, X_REQUEST_ID};
use crate::response::{self, Answer};
use crate::router::{Place, Resource, Router};
use crate::routes::{self, password};
use crate::sessions::Sessions;
use crate::settings::{LiveSettings, Snapshot};
use crate::shelf::{LiveShelf, Shelf};
use crate::trace_context::TraceContext;
use crate::traffic::{Destination, Traffic};
use crate::transfer_coding;

/// Answers the requests of the Appmixer user API.
///
/// It knows no socket: [`crate::serve()`] puts it behind one, and any other hyper program can call
/// [`App::handle`].
pub struct App {
    pub(crate) ctx: Context,
    pub(crate) options: HttpOptions,
    pub(crate) epochs: Arc<Epochs>,
    settings: LiveSettings,
    access_rules: LiveRules,
    shelf: LiveShelf,
    pub(crate) sessions: Sessions,
    body_room: BodyRoom,
    pub(crate) limits: Arc<Limits>,
    /// None where nothing is delivered.
    pub(crate) mailing: Option<Mailing>,
    /// None where it is switched off.
    pub(crate) console: Option<Console>,
    router: Router,
    /// What is forwarded to others.
    gateway: Option<Arc<Gateway>>,
    /// Has those that run looked at again a few at a time, since whatever changes may concern all of them.
    pub(crate) second_looks: Semaphore,
    /// Where requests are counted.
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) history: History,
    pub(crate) started: Instant,
    /// Rendered when somebody first asks for it.
    pub(crate) reference: OnceLock<Reference>,
}

/// How deliveries go, and what sends a test mail.
pub struct Mailing {
    /// The latest deliveries.
    pub log: Arc<DeliveryLog>,
    /// Sends test mails.
    pub tester: Arc<dyn MailTester>,
}

/// What the key of servers that count together is derived for.
const SHARED_LIMITS: &str = "appmixer-http: shared limits";

/// How many are looked at again at once.
const SECOND_LOOKS: usize = 8;

/// Why an [`App`] could not be made.
#[derive(Debug, Error)]
#[error("the table of routes is inconsistent: {0}")]
pub struct AppError(#[from] matchit::InsertError);

impl App {
    /// An application over these parts. `epochs` must be the listener that the store was opened with:
    /// without it, changes would not be seen.
    ///
    /// # Errors
    /// [`AppError`], a defect.
    pub fn new(
        ctx: Context,
        epochs: Arc<Epochs>,
        tokens: TokenOptions,
        options: HttpOptions,
    ) -> Result<Self, AppError> {
        let shared = ctx.store.neighbours().and_then(|_| tokens.current.derive(SHARED_LIMITS));
        let console = options.console.as_ref().map(|options| Console::new(options, &tokens));
        let settings = LiveSettings::new(tokens, Arc::clone(&ctx.clock));
        Ok(Self {
            ctx,
            epochs,
            console,
            settings,
            access_rules: LiveRules::new(),
            shelf: LiveShelf::new(Apps::none()),
            sessions: Sessions::new(options.session_cache_bytes),
            body_room: BodyRoom::new(options.body_memory),
            limits: Arc::new(Limits::new(options.limits.as_ref(), shared)),
            router: Router::new(options.console.is_some())?,
            gateway: None,
            mailing: None,
            second_looks: Semaphore::new(SECOND_LOOKS),
            traffic: Arc::new(Traffic::new(false)),
            history: History::default(),
            started: Instant::now(),
            reference: OnceLock::new(),
            options,
        })
    }

    /// The same with these apps; [`App::new`] has none.
    #[must_use]
    pub fn with_apps(mut self, apps: Apps) -> Self {
        self.shelf = LiveShelf::new(apps);
        self
    }

    /// The same, whose administrators can see how deliveries go; [`App::new`] knows of none.
    #[must_use]
    pub fn with_mailing(mut self, mailing: Mailing) -> Self {
        self.mailing = Some(mailing);
        self
    }

    /// The same, which forwards what is no route of its own; [`App::new`] forwards nothing. [`serve()`](crate::serve()) is
    /// needed for WebSocket, and to cut off an answer whose token is good no longer.
    #[must_use]
    pub fn with_gateway(mut self, gateway: Arc<Gateway>) -> Self {
        self.gateway = Some(gateway);
        self
    }

    /// The same, which tells this registry what it counts, and what its gateway does.
    #[must_use]
    pub fn with_metrics(mut self, registry: &Registry) -> Self {
        if let Some(gateway) = self.gateway.clone() {
            registry.add_source(move |page| gateway.write(page));
        }
        self.traffic = Arc::new(Traffic::new(true));
        let traffic = Arc::clone(&self.traffic);
        registry.add_source(move |page| traffic.write(page));
        let limits = Arc::clone(&self.limits);
        registry.add_source(move |page| limits.write(page));
        self
    }

    /// Counts, for the limits on guessing, together with the servers that share the store; ends at once where there are
    /// none, and never otherwise. Without it each counts alone.
    ///
    /// Must run within a tokio runtime with timers.
    pub async fn share_limits(&self) {
        if let Some(neighbours) = self.ctx.store.neighbours() {
            self.limits.share(neighbours).await;
        }
    }

    /// Answers one request from nobody knows where: the audit log has no address.
    ///
    /// Otherwise as [`App::handle_from`].
    pub async fn handle<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: hyper::body::Body + Send + 'static,
        B::Data: Send,
    {
        self.handle_from(request, Peer::default()).await
    }

    /// Answers one request. Never fails: what goes wrong is an answer too.
    ///
    /// The address of `peer` is the client's, unless it is one of [`HttpOptions::trusted_proxies`].
    ///
    /// Must run within a tokio runtime with timers.
    pub async fn handle_from<B>(&self, request: Request<B>, peer: Peer) -> Response<AnswerBody>
    where
        B: hyper::body::Body + Send + 'static,
        B::Data: Send,
    {
        let running = self.traffic.begin();
        let leaves_line = access_log::is_on();
        let started = Instant::now();
        let (parts, body) = request.into_parts();
        let request_id = request_id::of(&parts.headers);
        let logged_id = request_id.to_str().unwrap_or_default();
        let mut body =
            RequestBody::new(body, self.options.body_limit, self.options.body_timeout, &self.body_room);

        let mut refused = transfer_coding::check(&parts.headers).err();
        let is_badly_framed = refused.is_some();
        let host = host::of(&parts).unwrap_or_else(|error| {
            refused.get_or_insert(error);
            None
        });
        let mut head = Head {
            method: &parts.method,
            path: parts.uri.path(),
            headers: &parts.headers,
            query: parts.uri.query().unwrap_or_default(),
            host,
            peer,
            proxies: &self.options.trusted_proxies,
        };
        let mut place = self.router.find(head.path);
        place = place.filter(|(resource, _)| !resource.is_console() || self.has_console(&head));
        let is_console = self.is_console(place, &head);
        let mut exchange = self.exchange(place, &head);
        if let Some(exchange) = &mut exchange {
            (place, refused) = (exchange.place, refused.or_else(|| exchange.refused.take()));
            (head.headers, head.path) = (&exchange.headers, exchange.path);
        }
        let resource = place.map(|(resource, _)| resource);
        // Its own routes come first, whatever is forwarded.
        let forwarded = if place.is_none() && !is_console { self.forwarded(&head) } else { None };
        let is_forwarded = forwarded.is_some();
        let outcome = match (refused, forwarded) {
            (None, None) => self.route(place, &head, &mut body).await,
            (None, Some((gateway, found))) => {
                let request = Proxied { parts: &parts, head: &head, request_id: &request_id };
                Box::pin(proxied::forward(self, gateway, found, request, &mut body)).await
            }
            (Some(error), _) => Err(error),
        };
        metrics::account_request(resource, &parts.method, &outcome);
        // Its own answers, also about what it could not forward, are as all of them.
        let is_own = !is_forwarded || outcome.is_err();
        let failed = matches!(&outcome, Err(error) if error.cause.is_some());
        let trace = (leaves_line || failed).then(|| TraceContext::of(&parts.headers));
        let mut answer = outcome.unwrap_or_else(|error| {
            if let Some(cause) = &error.cause {
                tracing::error!(
                    request_id = logged_id,
                    trace_id = trace.as_ref().map(|trace| tracing::field::display(trace.trace)),
                    status = error.status.as_u16(),
                    cause,
                    "a request failed"
                );
            }
            response::error(&error)
        });
        if body.is_unread() {
            tokio::spawn(body.drain());
        }

        let took = started.elapsed();
        let destination = Destination::of(resource, is_forwarded);
        running.answered(destination, &parts.method, answer.status(), took);
        if let Some(trace) = trace.as_ref().filter(|_| leaves_line) {
            let (client, user) = (head.client().address, self.user_of(head.headers));
            let access = Access { request_id: logged_id, trace, client, destination, user, took };
            access_log::write(&parts, &answer, &access);
        }
        tracing::debug!(
            request_id = logged_id,
            method = %parts.method,
            path = parts.uri.path(),
            status = answer.status().as_u16(),
            micros = u64::try_from(took.as_micros()).ok(),
            "request"
        );
        let headers = answer.headers_mut();
        // An upstream that has words of its own about origins knows why.
        if is_console {
            console::guard(headers);
        } else if is_own || !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            cors::allow_origin(&self.options.cors_origins, &parts.headers, headers);
        }
        headers.insert(X_REQUEST_ID, request_id);
        if is_badly_framed {
            // Where the next request begins is not certain.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if is_own {
            // What is JSON is not looked at as something else.
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        answer
    }

    /// Where a request goes that is for none of the server's own routes. Other spellings of these go nowhere.
    fn forwarded<'p>(&self, head: &Head<'p>) -> Option<(&Gateway, Found<'_, 'p>)> {
        let gateway = self.gateway.as_deref()?;
        let found = gateway.find(head.path)?;
        let is_for_console = self.console.as_ref().is_some_and(|console| console.is_alone_at(head));
        // Below any other prefix there is nothing of the server's own.
        let path = found.path.as_ref().ok().filter(|_| found.route.name() == "/");
        let is_own = path.is_some_and(|path| self.router.has_spelling(path, self.has_console(head)));
        (!is_for_console && !is_own).then_some((gateway, found))
    }

    /// Whether there is a console where a request asks for it.
    fn has_console(&self, head: &Head<'_>) -> bool {
        self.console.as_ref().is_some_and(|console| console.is_at(head))
    }

    /// Whether an answer is the console's, which is for no other origin.
    fn is_console(&self, place: Option<Place<'_>>, head: &Head<'_>) -> bool {
        let nowhere = || console::is_below(head.path) && self.has_console(head);
        place.map_or_else(nowhere, |(resource, _)| resource.is_console())
    }

    /// What a request of the console for the API is there; none for any other. Boxed, since it is rare and every request
    /// would have room for it.
    fn exchange<'p>(&self, place: Option<Place<'p>>, head: &Head<'p>) -> Option<Box<Exchange<'p>>> {
        place.filter(|(resource, _)| *resource == Resource::ConsoleApi)?;
        Some(Box::new(Exchange::of(self.console.as_ref()?, &self.router, head)))
    }

    async fn route(
        &self,
        place: Option<Place<'_>>,
        head: &Head<'_>,
        body: &mut RequestBody,
    ) -> Result<Answer, ApiError> {
        let (method, headers) = (head.method, head.headers);
        let (resource, [parameter, second]) = place.ok_or_else(|| ApiError::not_found("Not Found"))?;
        // Boxed is what is big and rare: the future of every request has room for the biggest that is not.
        // What answers GET answers HEAD: hyper leaves the body out.
        let as_get = if method == Method::HEAD { &Method::GET } else { method };
        match (resource, as_get) {
            // Behind its own path, every method is that of somebody else's request.
            (Resource::Verify, as_get)
                if as_get == Method::GET || routes::verify::is_of_another(head.path) =>
            {
                routes::verify::answer(self, head).await
            }
            (resource, &Method::OPTIONS) => Ok(cors::options(headers, resource.methods(), &self.options)),
            (Resource::Root, &Method::GET) => routes::status::root(),
            (Resource::Health, &Method::GET) => routes::status::healthz(),
            (Resource::Readiness, &Method::GET) => routes::status::readyz(self).await,
            (Resource::SignIn, &Method::POST) => Box::pin(routes::sign_in::post(self, head, body)).await,
            (Resource::User, &Method::GET) => routes::user::get(self, headers).await,
            (Resource::User, &Method::POST) => Box::pin(routes::user::post(self, head, body)).await,
            (Resource::User, &Method::PUT) => Box::pin(routes::user::put(self, head, body)).await,
            (Resource::ChangePassword, &Method::POST) => Box::pin(password::change(self, head, body)).await,
            (Resource::SignOutEverywhere, &Method::POST) => Box::pin(password::sign_out(self, head)).await,
            (Resource::ResetPassword, &Method::POST) => Box::pin(password::reset(self, head, body)).await,
            (Resource::Users, &Method::GET) => Box::pin(routes::user_list::get(self, head)).await,
            (Resource::UserCount, &Method::GET) => Box::pin(routes::user_list::count(self, head)).await,
            (Resource::ForgotPassword, &Method::POST) => Box::pin(password::forgot(self, head, body)).await,
            (Resource::RedeemCode, &Method::POST) => Box::pin(password::redeem(self, head, body)).await,
            (Resource::Confirm, &Method::POST) => Box::pin(routes::confirm::post(self, head, body)).await,
            (Resource::ResendCode, &Method::POST) => Box::pin(routes::confirm::again(self, head, body)).await,
            (Resource::OneUser, &Method::GET) => Box::pin(routes::users::get(self, head, parameter)).await,
            (Resource::OneUser, &Method::PUT) => {
                Box::pin(routes::users::put(self, head, parameter, body)).await
            }
            (Resource::OneUser, &Method::DELETE) => {
                Box::pin(routes::users::delete(self, head, parameter)).await
            }
            (Resource::Deletion, &Method::GET) => {
                Box::pin(routes::users::deletion(self, headers, parameter, second)).await
            }
            (Resource::SignOutUser, &Method::POST) => {
                Box::pin(routes::users::sign_out(self, head, parameter)).await
            }
            (
                Resource::Config
                | Resource::ConfigEntry
                | Resource::ConfigTest
                | Resource::ConfigKeys
                | Resource::ConfigState,
                as_get,
            ) => Box::pin(routes::config::answer(self, resource, as_get, head, parameter, body)).await,
            (Resource::AclTypes, &Method::GET) => Box::pin(routes::acl::types(self, headers)).await,
            (Resource::AccessRules, &Method::GET) => {
                Box::pin(routes::acl::get(self, headers, parameter)).await
            }
            (Resource::AccessRules, &Method::POST) => {
                Box::pin(routes::acl::post(self, head, parameter, body)).await
            }
            (Resource::RuleCheck, &Method::POST) => {
                Box::pin(routes::acl::ask(self, head, parameter, body)).await
            }
            (Resource::RuleResources, &Method::GET) => {
                Box::pin(routes::acl::resources(self, headers, parameter)).await
            }
            (Resource::RuleActions, &Method::GET) => {
                Box::pin(routes::acl::actions(self, headers, parameter)).await
            }
            (Resource::RuleAttributes, &Method::GET) => {
                Box::pin(routes::acl::attributes(self, headers, parameter, second)).await
            }
            (Resource::Keys, &Method::GET) => Box::pin(routes::keys::list(self, headers)).await,
            (Resource::Keys, &Method::POST) => Box::pin(routes::keys::rotate(self, head, body)).await,
            (Resource::Key, &Method::DELETE) => Box::pin(routes::keys::retire(self, head, parameter)).await,
            (Resource::Stats, &Method::GET) => Box::pin(routes::stats::get(self, head)).await,
            (Resource::Audit, &Method::GET) => Box::pin(routes::audit::get(self, head)).await,
            (Resource::Apps, &Method::GET) => Box::pin(routes::apps::list(self, head)).await,
            (Resource::AppComponents, &Method::GET) => Box::pin(routes::apps::components(self, head)).await,
            (Resource::JwkSet, &Method::GET) => Box::pin(routes::jwks::get(self, headers)).await,
            (Resource::OpenApi, &Method::GET) => routes::docs::document(self, headers),
            (Resource::Docs, &Method::GET) => routes::docs::page(self, headers),
            (Resource::DocsStyle, &Method::GET) => Ok(routes::docs::style(headers)),
            (Resource::Console, &Method::GET) => Ok(routes::console::page(headers)),
            (Resource::ConsoleAsset, &Method::GET) => routes::console::asset(head, parameter),
            (Resource::ConsoleSession, &Method::GET) => Box::pin(routes::console::session(self, head)).await,
            (Resource::ConsoleSession, &Method::POST) => {
                Box::pin(routes::console::sign_in(self, head, body)).await
            }
            (Resource::ConsoleSession, &Method::DELETE) => routes::console::sign_out(self, head),
            (Resource::ConsoleSetUp, &Method::POST) => {
                Box::pin(routes::console::set_up(self, head, body)).await
            }
            (resource, _) => Err(resource.method_not_allowed(method)),
        }
    }

    /// Whether somebody can administer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        self.ctx.store.any_admin().await
    }

    pub(crate) async fn settings(&self) -> Result<Arc<Snapshot>, ApiError> {
        self.settings.get(&*self.ctx.store, &self.epochs).await
    }

    pub(crate) async fn access_rules(&self) -> Result<Arc<RuleSets>, ApiError> {
        self.access_rules.get(&*self.ctx.store, &self.epochs).await
    }

    /// The apps under these rules.
    pub(crate) async fn shelf(&self, rules: &Arc<RuleSets>) -> Result<Arc<Shelf>, ApiError> {
        self.shelf.get(rules).await
    }

    /// The server's own secrets.
    pub(crate) const fn tokens(&self) -> &TokenOptions {
        self.settings.own()
    }

    pub(crate) const fn min_secret_bytes(&self) -> usize {
        self.settings.min_secret_bytes()
    }
}
