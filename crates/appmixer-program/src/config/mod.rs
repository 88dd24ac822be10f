//! The static configuration: defaults, then a file, then the environment, then flags.

mod environment;
mod explain;
mod file;
mod gateway;
mod keys;
mod load;
mod log_level;
mod secrets;
mod values;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use appmixer_core::{DEFAULT_MIN_PASSWORD_CHARS, DEFAULT_TOKEN_LIFETIME};
use appmixer_http::{ConsoleOptions, HttpOptions, quotas};
use appmixer_notify::NotifyOptions;
use appmixer_password::Params;
use appmixer_token::Algorithm;
use serde::{Deserialize, Serialize};

pub(crate) use gateway::{GatewayConfig, RouteConfig};
pub(crate) use load::{Overrides, load};
pub(crate) use secrets::read_line;
pub(crate) use values::{FileMode, ListenOn, LogFormat, QuotaText, SecretText, Span, TokenAlgorithm};

/// Everything that an operator sets before the start. `keys` documents each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) listen: ListenOn,
    pub(crate) listen_unix: Option<PathBuf>,
    pub(crate) listen_unix_mode: FileMode,
    pub(crate) data: PathBuf,
    pub(crate) store: StoreConfig,
    pub(crate) token: TokenConfig,
    pub(crate) password: PasswordConfig,
    pub(crate) users: UsersConfig,
    pub(crate) audit: AuditConfig,
    pub(crate) apps: AppsConfig,
    pub(crate) http: HttpConfig,
    pub(crate) tls: TlsConfig,
    pub(crate) console: ConsoleConfig,
    pub(crate) management: ManagementConfig,
    pub(crate) gateway: GatewayConfig,
    pub(crate) limits: LimitsConfig,
    pub(crate) delivery: DeliveryConfig,
    pub(crate) log: LogConfig,
    /// What an operator should know, although it stops nothing.
    #[serde(skip)]
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreConfig {
    pub(crate) url: Option<SecretText>,
    pub(crate) url_file: Option<PathBuf>,
    pub(crate) pool_size: usize,
    pub(crate) prepare: bool,
    pub(crate) stale_after: Span,
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenConfig {
    pub(crate) secret: Option<SecretText>,
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) previous_secrets: Vec<SecretText>,
    pub(crate) previous_secrets_file: Option<PathBuf>,
    pub(crate) allow_short_secret: bool,
    pub(crate) algorithm: TokenAlgorithm,
    pub(crate) lifetime: Span,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordConfig {
    pub(crate) min_length: usize,
    pub(crate) min_strength: u8,
    pub(crate) refused_file: Option<PathBuf>,
    pub(crate) memory_kib: u32,
    pub(crate) iterations: u32,
    pub(crate) parallelism: u32,
    pub(crate) threads: usize,
    pub(crate) queue: usize,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsersConfig {
    pub(crate) require_active: bool,
    pub(crate) confirm: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditConfig {
    pub(crate) keep: Span,
    pub(crate) max_rows: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppsConfig {
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpConfig {
    pub(crate) workers: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_streams: u32,
    pub(crate) max_connections_per_address: usize,
    pub(crate) body_limit: usize,
    pub(crate) body_memory: usize,
    pub(crate) header_limit: usize,
    pub(crate) header_timeout: Span,
    pub(crate) idle_timeout: Span,
    pub(crate) body_timeout: Span,
    pub(crate) body_min_rate: u64,
    pub(crate) shutdown_grace: Span,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) cors_headers: Vec<String>,
    pub(crate) session_cache_bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsConfig {
    #[serde(deserialize_with = "values::optional_address")]
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) http2: bool,
    pub(crate) handshake_timeout: Span,
    pub(crate) hsts: Span,
    pub(crate) hsts_subdomains: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsoleConfig {
    pub(crate) enabled: bool,
    pub(crate) session: Span,
    pub(crate) origin: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManagementConfig {
    #[serde(deserialize_with = "values::optional_address")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsConfig {
    pub(crate) enabled: bool,
    pub(crate) exempt: Vec<String>,
    pub(crate) sign_in: QuotaText,
    pub(crate) sign_up: QuotaText,
    pub(crate) forgot_password: QuotaText,
    pub(crate) redeem_code: QuotaText,
    pub(crate) change_password: QuotaText,
    pub(crate) account: QuotaText,
    pub(crate) account_codes: QuotaText,
    pub(crate) entries: usize,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryConfig {
    pub(crate) enabled: bool,
    pub(crate) timeout: Span,
    pub(crate) first_retry: Span,
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogConfig {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
    pub(crate) access: bool,
}

impl Default for Config {
    fn default() -> Self {
        let http = HttpOptions::default();
        let cost = Params::default();
        let delivery = NotifyOptions::default();
        let limits = quotas::Options::default();
        Self {
            listen: ListenOn(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 2200)))),
            listen_unix: None,
            listen_unix_mode: FileMode(0o660),
            data: "appmixer-data".into(),
            store: StoreConfig {
                url: None,
                url_file: None,
                pool_size: 16,
                prepare: true,
                stale_after: Span(Duration::from_secs(5)),
                ca_file: None,
            },
            token: TokenConfig {
                secret: None,
                secret_file: None,
                previous_secrets: Vec::new(),
                previous_secrets_file: None,
                allow_short_secret: false,
                algorithm: TokenAlgorithm(Algorithm::Hs256),
                lifetime: Span(DEFAULT_TOKEN_LIFETIME),
            },
            password: PasswordConfig {
                min_length: DEFAULT_MIN_PASSWORD_CHARS,
                min_strength: 0,
                refused_file: None,
                memory_kib: cost.memory_kib(),
                iterations: cost.iterations(),
                parallelism: cost.parallelism(),
                threads: 0,
                queue: 200,
            },
            users: UsersConfig { require_active: false, confirm: false },
            audit: AuditConfig { keep: Span(Duration::from_hours(90 * 24)), max_rows: 1_000_000 },
            apps: AppsConfig { folder: None },
            http: HttpConfig {
                workers: 0,
                max_connections: http.max_connections,
                max_streams: http.max_streams,
                max_connections_per_address: http.max_connections_per_address,
                body_limit: http.body_limit,
                body_memory: http.body_memory,
                header_limit: http.header_limit,
                header_timeout: Span(http.header_timeout),
                idle_timeout: Span(http.idle_timeout),
                body_timeout: Span(http.body_timeout),
                body_min_rate: http.body_min_rate,
                shutdown_grace: Span(Duration::from_secs(30)),
                trusted_proxies: Vec::new(),
                cors_origins: vec!["*".to_owned()],
                cors_headers: Vec::new(),
                session_cache_bytes: http.session_cache_bytes,
            },
            tls: TlsConfig {
                listen: None,
                certificate: None,
                key: None,
                http2: true,
                handshake_timeout: Span(http.handshake_timeout),
                hsts: Span(http.transport_security.max_age),
                hsts_subdomains: http.transport_security.include_subdomains,
            },
            console: ConsoleConfig {
                enabled: true,
                session: Span(ConsoleOptions::default().session),
                origin: None,
            },
            management: ManagementConfig { listen: None },
            gateway: GatewayConfig::default(),
            limits: LimitsConfig {
                enabled: true,
                exempt: Vec::new(),
                sign_in: QuotaText(limits.sign_in),
                sign_up: QuotaText(limits.sign_up),
                forgot_password: QuotaText(limits.forgot_password),
                redeem_code: QuotaText(limits.redeem_code),
                change_password: QuotaText(limits.change_password),
                account: QuotaText(limits.account),
                account_codes: QuotaText(limits.account_codes),
                entries: limits.entries,
            },
            delivery: DeliveryConfig {
                enabled: true,
                timeout: Span(delivery.timeout),
                first_retry: Span(delivery.first_retry),
                ca_file: delivery.ca_file,
            },
            log: LogConfig { level: "info".to_owned(), format: LogFormat::Auto, access: false },
            warnings: Vec::new(),
        }
    }
}
