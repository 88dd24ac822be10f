//! Limits on guessing, where requests meet them: what counts for whom, and what is said to whoever has to wait.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use appmixer_core::{
    Caller, Context, LoginName, NEWS_KEPT, Names, Neighbours, News, Origin, StoreError, note_limited_sign_in,
};
use appmixer_forwarded::{Client, Networks};
use appmixer_limits::{Barrier, Limit, Limited, Limiter, Network, Options, Pending, Quota};
use appmixer_metrics::{Kind, Page};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::{MissedTickBehavior, interval};

use crate::attempts::OpenAttempt;
use crate::error::ApiError;
use crate::head::Head;
use crate::metrics;
use crate::response::Answer;

/// How often servers that share a database tell each other what they have seen.
const SHARING: Duration = Duration::from_millis(250);

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Limits on guessing passwords and codes, and on making users.
#[derive(Clone, Debug, Default)]
pub struct LimitOptions {
    /// How much of what there may be.
    pub quotas: Options,
    /// Who is not limited, neither by network nor by account.
    pub exempt: Networks,
}

/// What has been seen of everybody.
pub(crate) struct Limits {
    /// None without limits.
    inner: Option<(Limiter, Networks)>,
    clock: Clock,
    /// Makes the numbers of the hash queue's keys, with a secret of this process.
    pub(crate) queue_keys: RandomState,
}

/// The time since an hour before the start: what others have seen before it has a time too.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Duration {
        NEWS_KEPT + self.0.elapsed()
    }
}

impl Limits {
    /// `shared` is the key of those who count together.
    pub(crate) fn new(options: Option<&LimitOptions>, shared: Option<[u8; 16]>) -> Self {
        let limiter = |options: &LimitOptions| {
            let limiter = match shared {
                Some(key) => Limiter::new(options.quotas, &key).shared(),
                None => Limiter::new(options.quotas, &random_key()),
            };
            (limiter, options.exempt.clone())
        };
        let clock = Clock(Instant::now());
        Self { inner: options.map(limiter), clock, queue_keys: RandomState::new() }
    }

    /// Tells other servers what is seen here, and counts what they have seen; without end.
    pub(crate) async fn share(&self, neighbours: &dyn Neighbours) {
        let Some((limiter, _)) = &self.inner else { return };
        let mut ticks = interval(SHARING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut untold = None;
        loop {
            ticks.tick().await;
            untold = untold.or_else(|| limiter.take_untold());
            if let Err(error) = self.exchange(limiter, neighbours, &mut untold).await {
                tracing::debug!(%error, "the limits on guessing are not shared with other servers now");
            }
        }
    }

    async fn exchange(
        &self,
        limiter: &Limiter,
        neighbours: &dyn Neighbours,
        untold: &mut Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        if let Some(news) = untold {
            neighbours.tell(news.clone()).await?;
            *untold = None;
        }
        loop {
            let heard = neighbours.hear().await?;
            if heard.is_empty() {
                return Ok(());
            }
            for News { age, message } in heard {
                limiter.hear(&message, self.clock.now().saturating_sub(age));
            }
        }
    }

    /// How much is remembered of whom. It looks at all of it: for whoever watches, and not for each request.
    #[expect(clippy::cast_precision_loss, reason = "both are far below what an f64 counts exactly")]
    pub(crate) fn write(&self, page: &mut Page) {
        let size = |limiter: &Limiter| (limiter.entries(self.clock.now()), limiter.bytes());
        let (entries, bytes) = self.inner.as_ref().map_or((0, 0), |(limiter, _)| size(limiter));
        let help = "Networks, accounts and pairs of both that the limits on guessing remember.";
        page.family("appmixer_limits_entries", Kind::Gauge, help).sample(&[], entries as f64);
        let help = "The memory that they take.";
        page.family("appmixer_limits_bytes", Kind::Gauge, help).sample(&[], bytes as f64);
    }

    /// A request to a route that has a limit.
    pub(crate) fn visit(&self, limit: Limit, head: &Head<'_>) -> Visit<'_> {
        let client = head.client();
        let limiter = self.inner.as_ref().filter(|_| !self.is_exempt(client)).map(|(limiter, _)| limiter);
        Visit { limiter, limit, network: Network::of(client.address), clock: self.clock }
    }

    pub(crate) fn is_exempt(&self, client: Client) -> bool {
        // What a header may have hidden is not exempt.
        self.inner.as_ref().is_some_and(|(_, exempt)| !client.in_doubt && exempt.contain(client.address))
    }

    /// The same, unless it is by somebody who was trusted with it.
    pub(crate) fn visit_of(&self, trusted: Option<&Caller>, limit: Limit, head: &Head<'_>) -> Visit<'_> {
        let visit = self.visit(limit, head);
        Visit { limiter: visit.limiter.filter(|_| trusted.is_none()), ..visit }
    }
}

/// The standard library seeds its hash maps from the system's random bytes.
fn random_key() -> [u8; 16] {
    let random = || RandomState::new().hash_one(0).to_ne_bytes();
    let mut key = [0; 16];
    key[..8].copy_from_slice(&random());
    key[8..].copy_from_slice(&random());
    key
}

/// One request, by whoever may be limited.
pub(crate) struct Visit<'a> {
    limiter: Option<&'a Limiter>,
    limit: Limit,
    network: Network,
    clock: Clock,
}

impl Visit<'_> {
    /// Goes on if the network has some of its quota left.
    pub(crate) fn may_go_on(&self) -> Result<(), ApiError> {
        let Some(limiter) = self.limiter else { return Ok(()) };
        limiter.check(self.limit, self.network, self.now()).map_err(|limited| self.refuse(&limited))
    }

    /// Uses up some of the network's quota.
    pub(crate) fn count(&self) {
        if let Some(limiter) = self.limiter {
            limiter.charge(self.limit, self.network, self.now());
        }
    }

    /// Begins an attempt if this password may be tried. No database is asked before that, so there is no difference
    /// between names that are somebody's and others.
    pub(crate) fn begin(&self, account: &LoginName) -> Result<OpenAttempt<'_>, Refusal> {
        Ok(OpenAttempt::of_password(self, self.begin_at(account.folded())?))
    }

    /// Begins an attempt if a password may be tried together with this code.
    pub(crate) fn begin_with_code(&self, code: &str) -> Result<OpenAttempt<'_>, Refusal> {
        Ok(OpenAttempt::of_code_and_password(self, self.begin_at(&account_of_code(code))?))
    }

    fn begin_at(&self, account: &str) -> Result<Option<Pending<'_>>, Refusal> {
        let Some(limiter) = self.limiter else { return Ok(None) };
        let now = self.now();
        let begun = limiter.begin(self.limit, account, self.network, now);
        begun.map(Some).map_err(|limited| Refusal {
            is_news: limiter.is_news(&limited, now),
            error: self.refuse(&limited),
        })
    }

    /// A password was right, or a code was: the account's owner is on this network.
    pub(crate) fn is_owner(&self, names: &Names) {
        for name in names.logins() {
            if let Some(limiter) = self.limiter {
                limiter.right_password(name.folded(), self.network, self.now());
            }
        }
    }

    /// The account is new.
    pub(crate) fn signed_up(&self, names: &Names) {
        for name in names.logins() {
            if let Some(limiter) = self.limiter {
                limiter.signed_up(name.folded(), self.network, self.now());
            }
        }
    }

    /// Goes on if a code may be sent to the account, which counts.
    pub(crate) fn may_ask_for_code(&self, account: &LoginName) -> Result<(), ApiError> {
        let Some(limiter) = self.limiter else { return Ok(()) };
        let asked = limiter.ask_for_code(account.folded(), self.network, self.now());
        asked.map_err(|limited| self.refuse(&limited))
    }

    /// Says with the answer what is left of the network's quota.
    pub(crate) fn told(&self, outcome: Result<Answer, ApiError>) -> Result<Answer, ApiError> {
        let Some(limiter) = self.limiter else { return outcome };
        let standing = limiter.standing(self.limit, self.network, self.now());
        let rate = RateLimit {
            policy: name(self.limit),
            quota: standing.quota,
            remaining: standing.remaining,
            next: seconds(standing.next),
        };
        match outcome {
            Ok(mut answer) => {
                rate.write(answer.headers_mut());
                Ok(answer)
            }
            Err(error) if error.rate.is_some() => Err(error),
            Err(error) => Err(ApiError { rate: Some(Box::new(rate)), ..error }),
        }
    }

    fn refuse(&self, limited: &Limited) -> ApiError {
        let policy = match (limited.barrier, self.limit) {
            (Barrier::Network, limit) => name(limit),
            (Barrier::Delay | Barrier::Account, Limit::ForgotPassword) => ACCOUNT_CODES,
            (Barrier::Delay | Barrier::Account, _) => ACCOUNT,
        };
        metrics::limited(policy);
        ApiError::limited(RateLimit {
            policy,
            quota: limited.quota,
            remaining: 0,
            next: seconds(limited.wait),
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(crate) fn limit(&self) -> Limit {
        self.limit
    }
}

#[cfg(test)]
impl<'a> Visit<'a> {
    /// A visit of a client without an address.
    pub(crate) fn at_start(limiter: &'a Limiter, limit: Limit) -> Self {
        Self { limiter: Some(limiter), limit, network: Network::Local, clock: Clock(Instant::now()) }
    }
}

/// What the passwords that come with a code are counted at: no name has white space.
fn account_of_code(code: &str) -> String {
    format!("code {code}")
}

/// A password must not be tried now.
pub(crate) struct Refusal {
    error: ApiError,
    is_news: bool,
}

impl Refusal {
    /// The answer. The audit log is told once an hour of what stands in the way.
    pub(crate) fn noted(self, ctx: &Context, origin: &Origin) -> ApiError {
        if self.is_news {
            note_limited_sign_in(ctx, origin);
        }
        self.error
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

/// What the answers and the metrics call the limits by account.
const ACCOUNT: &str = "account";
const ACCOUNT_CODES: &str = "account-codes";

/// All that [`metrics::limited`] is told.
pub(crate) fn policies() -> impl Iterator<Item = &'static str> {
    Limit::ALL.into_iter().map(name).chain([ACCOUNT, ACCOUNT_CODES])
}

const fn name(limit: Limit) -> &'static str {
    match limit {
        Limit::SignIn => "sign-in",
        Limit::SignUp => "sign-up",
        Limit::ForgotPassword => "forgot-password",
        Limit::RedeemCode => "redeem-code",
        Limit::ChangePassword => "change-password",
    }
}

/// Whoever waits that long gets in.
fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_micros().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

/// What `RateLimit` and `RateLimit-Policy` say (draft-ietf-httpapi-ratelimit-headers-11).
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimit {
    /// Its name; a Structured Field String without anything to escape.
    policy: &'static str,
    quota: Quota,
    remaining: u32,
    /// When there will be more, in seconds.
    pub(crate) next: u32,
}

impl RateLimit {
    /// What is refused, as the API document shows it.
    pub(crate) fn sample(policy: &'static str, quota: Quota) -> Self {
        Self { policy, quota, remaining: 0, next: 36 }
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Self { policy, quota, remaining, next } = self;
        let (count, window) = (quota.count(), quota.period().as_secs());
        let lines = [
            (RATE_LIMIT_POLICY, format!("\"{policy}\";q={count};w={window}")),
            (RATE_LIMIT, format!("\"{policy}\";r={remaining};t={next}")),
        ];
        for (header, value) in lines {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(header, value);
            }
        }
    }
}
