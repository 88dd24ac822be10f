//! The parts put together: what the server and every command work with.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use appmixer_core::{
    ChangeListener, Clock, Context, IdGenerator, LoginName, PasswordHasher, Rules, SystemClock, SystemConfig,
    User, UserId, ascii_url,
};
use appmixer_http::{
    ConsoleOptions, ConsoleOrigin, CorsHeaders, CorsOrigins, HttpOptions, LimitOptions, Networks,
    TokenOptions, TransportSecurity, quotas,
};
use appmixer_notify::{Notifier, NotifyOptions, Tester};
use appmixer_password::{Argon2Pool, InvalidParams, Params, PoolOptions, RandomCodes};
use appmixer_store::Role;
use appmixer_token::KeySet;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::config::{Config, LimitsConfig, PasswordConfig};
use crate::database::IfMissing;
use crate::failure::Failure;
use crate::secret;

impl Config {
    pub(crate) fn http_options(&self) -> Result<HttpOptions, Failure> {
        let cors_origins = self.cors_origins()?;
        let cors_headers = CorsHeaders::parse(&self.http.cors_headers)
            .map_err(|error| Failure::configuration(format!("http.cors_headers: {error}")))?;
        let trusted_proxies = Networks::parse(&self.http.trusted_proxies)
            .map_err(|error| Failure::configuration(format!("http.trusted_proxies: {error}")))?;
        let exempt = Networks::parse(&self.limits.exempt)
            .map_err(|error| Failure::configuration(format!("limits.exempt: {error}")))?;
        let limits = self.limits.enabled.then(|| LimitOptions { quotas: self.limits.quotas(), exempt });
        let origin = self.console_origin()?;
        let console = ConsoleOptions { session: self.console.session.0, origin };
        Ok(HttpOptions {
            body_limit: self.http.body_limit,
            header_limit: self.http.header_limit,
            header_timeout: self.http.header_timeout.0,
            idle_timeout: self.http.idle_timeout.0,
            body_timeout: self.http.body_timeout.0,
            body_min_rate: self.http.body_min_rate,
            body_memory: self.http.body_memory,
            max_connections: self.http.max_connections,
            max_connections_per_address: self.http.max_connections_per_address,
            limits,
            trusted_proxies,
            max_streams: self.http.max_streams,
            handshake_timeout: self.tls.handshake_timeout.0,
            transport_security: TransportSecurity {
                max_age: self.tls.hsts.0,
                include_subdomains: self.tls.hsts_subdomains,
            },
            cors_origins,
            cors_headers,
            session_cache_bytes: self.http.session_cache_bytes,
            console: self.console.enabled.then_some(console),
        })
    }

    /// The files of certificates that cannot be used. Each is checked, also one that nothing needs yet.
    pub(crate) fn unusable_ca_files(&self) -> Vec<Failure> {
        let files = [
            ("delivery.ca_file", &self.delivery.ca_file),
            ("store.ca_file", &self.store.ca_file),
            ("gateway.ca_file", &self.gateway.ca_file),
        ];
        let check = |(key, path): (&str, &Option<PathBuf>)| {
            let error = appmixer_tls::check_ca_file(path.as_deref()?).err()?;
            Some(Failure::configuration(format!("{key}: {error}")))
        };
        files.into_iter().filter_map(check).collect()
    }

    pub(crate) fn cors_origins(&self) -> Result<CorsOrigins, Failure> {
        let origins: Vec<_> = self.http.cors_origins.iter().map(|origin| in_ascii(origin)).collect();
        CorsOrigins::parse(&origins)
            .map_err(|error| Failure::configuration(format!("http.cors_origins: {error}")))
    }

    pub(crate) fn console_origin(&self) -> Result<Option<ConsoleOrigin>, Failure> {
        let origin = self.console.origin.as_deref();
        let origin = origin.map(|origin| ConsoleOrigin::parse(&in_ascii(origin))).transpose();
        origin.map_err(|error| Failure::configuration(format!("console.origin: {error}")))
    }
}

/// As browsers write it. A URL without such a form stays as it is, and is refused by what reads it.
fn in_ascii(url: &str) -> Cow<'_, str> {
    ascii_url(url).unwrap_or(Cow::Borrowed(url))
}

impl LimitsConfig {
    const fn quotas(&self) -> quotas::Options {
        quotas::Options {
            sign_in: self.sign_in.0,
            sign_up: self.sign_up.0,
            forgot_password: self.forgot_password.0,
            redeem_code: self.redeem_code.0,
            change_password: self.change_password.0,
            account: self.account.0,
            account_codes: self.account_codes.0,
            entries: self.entries,
        }
    }
}

impl PasswordConfig {
    pub(crate) const fn params(&self) -> Result<Params, InvalidParams> {
        Params::new(self.memory_kib, self.iterations, self.parallelism)
    }
}

/// As many as there are cores, unless a number was set.
pub(crate) fn or_cores(number: usize) -> NonZeroUsize {
    let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    NonZeroUsize::new(number).unwrap_or_else(cores)
}

/// Opens the database and starts the hasher. `threads` 0 means one for each core.
pub(crate) async fn open(
    config: &Config,
    (role, if_missing): (Role, IfMissing),
    threads: usize,
    listener: Arc<dyn ChangeListener>,
    rules: Rules,
) -> Result<Context, Failure> {
    let store = config.database()?.open(role, if_missing, listener).await?;
    let params =
        config.password.params().map_err(|error| Failure::configuration(format!("password: {error}")))?;
    let defaults = PoolOptions::default();
    let pool = PoolOptions { params, threads: or_cores(threads), queue: config.password.queue, ..defaults };
    let hasher: Arc<dyn PasswordHasher> = Arc::new(Argon2Pool::new(pool)?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(Context { store, hasher, codes: Arc::new(RandomCodes), clock, ids: IdGenerator::new(seed()?), rules })
}

/// What delivers messages, over the parts of the context.
pub(crate) fn notifier(config: &Config, ctx: &Context) -> Notifier {
    let parts = (Arc::clone(&ctx.store), Arc::clone(&ctx.codes), Arc::clone(&ctx.clock));
    Notifier::new(parts.0, parts.1, parts.2, secret::webhook_key(config), notify_options(config))
}

/// What sends test mails, over the parts of the context.
pub(crate) fn mail_tester(config: &Config, ctx: &Context) -> Result<Tester, Failure> {
    let parts = (Arc::clone(&ctx.store), Arc::clone(&ctx.clock));
    Ok(Tester::new(parts.0, parts.1, IdGenerator::new(seed()?), notify_options(config)))
}

fn notify_options(config: &Config) -> NotifyOptions {
    NotifyOptions {
        timeout: config.delivery.timeout.0,
        first_retry: config.delivery.first_retry.0,
        ca_file: config.delivery.ca_file.clone(),
    }
}

fn seed() -> Result<[u8; 8], Failure> {
    let mut seed = [0; 8];
    SystemRandom::new().fill(&mut seed).map_err(|_| Failure::refused("the system has no random bytes"))?;
    Ok(seed)
}

/// Opens the database for a command, next to the server if one runs.
pub(crate) async fn open_beside(
    config: &Config,
    how: (Role, IfMissing),
    rules: Rules,
) -> Result<Context, Failure> {
    open(config, how, 1, Arc::new(()), rules).await
}

/// The system configuration as it stands.
pub(crate) async fn system_config(ctx: &Context) -> Result<SystemConfig, Failure> {
    SystemConfig::from_entries(&ctx.store.entries().await?).map_err(|(key, error)| {
        Failure::refused(format!("the system configuration's {} {error}", key.as_str()))
    })
}

/// The keys that sign and verify, as the server has them.
pub(crate) async fn key_set(ctx: &Context, tokens: &TokenOptions) -> Result<KeySet, Failure> {
    let kept = ctx.store.signing_keys().await?;
    let (keys, unusable) = tokens.key_set(&system_config(ctx).await?, &kept);
    unusable.into_iter().next().map_or(Ok(keys), |key| Err(Failure::refused(key.to_string())))
}

/// The user with this id or name.
pub(crate) async fn find_user(ctx: &Context, name_or_id: &str) -> Result<User, Failure> {
    let found = if let Ok(id) = name_or_id.parse::<UserId>() {
        ctx.store.find_by_id(id).await?
    } else {
        let name = LoginName::parse(name_or_id).map_err(|error| {
            Failure::refused(format!("{name_or_id:?} is neither an id nor a name: a name {error}"))
        })?;
        ctx.store.find_by_login(&name).await?
    };
    found.ok_or_else(|| {
        Failure::refused(format!("there is no user {name_or_id:?}; `user list` shows who there is"))
    })
}
