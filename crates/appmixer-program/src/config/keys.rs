//! What each key means: the one place that says so. Tests keep the code, `appmixer.example.toml` and
//! `docs/configuration.md` in step with it.

/// A key, and what it means.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// Whether the value is a text, which the environment must not take for a number.
    pub(crate) is_text: bool,
    /// Only tests read it: it is what the documents must say.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documents are checked against it"))]
    pub(crate) meaning: &'static str,
}

const fn text(name: &'static str, meaning: &'static str) -> Key {
    Key { name, is_text: true, meaning }
}

const fn other(name: &'static str, meaning: &'static str) -> Key {
    Key { name, is_text: false, meaning }
}

pub(crate) const KEYS: &[Key] = &[
    text(
        "listen",
        "The address and port to listen on, or off. A host name is looked up, a port alone is on 127.0.0.1, and `:2200` is on all IPv4 addresses. Port 0 takes a free one; the log tells which.",
    ),
    text("listen_unix", "The path of a Unix socket to listen on."),
    text("listen_unix_mode", "Who may connect to that socket, as the permissions of its file."),
    text("data", "The folder of the database and of the secret that the server makes for itself."),
    text(
        "store.url",
        "Where users and configuration are kept: sqlite:PATH, or postgres://USER:PASSWORD@HOST:5432/DATABASE, which any number of servers share. Without one, a SQLite file in the data folder. Beyond this machine the connection to PostgreSQL is encrypted and the server's certificate verified, unless the URL says sslmode=disable.",
    ),
    text(
        "store.url_file",
        "A file with that URL, whose line end does not count; in its place also the systemd credential `store.url`.",
    ),
    other(
        "store.pool_size",
        "The most connections to PostgreSQL, and one more for what other servers change.",
    ),
    other(
        "store.prepare",
        "Whether statements may be prepared on PostgreSQL. Behind a proxy that pools transactions, as PgBouncer does, it must be false.",
    ),
    text(
        "store.stale_after",
        "How long this server goes on with cached data when PostgreSQL does not report what other servers have changed; after that, tokens are refused with 503.",
    ),
    text(
        "store.ca_file",
        "A file of certificates (PEM) that the connection to PostgreSQL trusts besides the system's.",
    ),
    text(
        "token.secret",
        "The secret that signs tokens, at least 32 bytes. Without one the server makes one at its first start and keeps it in the data folder.",
    ),
    text(
        "token.secret_file",
        "A file with that secret, whose line end does not count; in its place also the systemd credential `token.secret`.",
    ),
    other(
        "token.previous_secrets",
        "Secrets that signed before: what they signed stays good until it expires.",
    ),
    text(
        "token.previous_secrets_file",
        "A file with such secrets, one a line; in its place also the systemd credential `token.previous_secrets`.",
    ),
    other(
        "token.allow_short_secret",
        "Accept secrets of fewer than 32 bytes (RFC 7518 section 3.2 forbids them).",
    ),
    text(
        "token.algorithm",
        "How new keys sign: HS256, EdDSA (Ed25519) or ES256 (P-256). With EdDSA or ES256 a server that has no key of its own in the database makes one at its start; otherwise `key rotate` makes the next one.",
    ),
    text("token.lifetime", "How long a token is good."),
    other("password.min_length", "The fewest characters of a new password."),
    other(
        "password.min_strength",
        "The least strength of a new password, from 1 (a guesser needs a thousand attempts) to 4 (ten thousand million), as zxcvbn estimates it; 0 asks for none.",
    ),
    text(
        "password.refused_file",
        "A file of passwords that nobody may choose, one a line, in whatever case.",
    ),
    other("password.memory_kib", "The memory of one Argon2id hash, in KiB."),
    other("password.iterations", "The passes over that memory."),
    other("password.parallelism", "The lanes of one hash."),
    other("password.threads", "How many hashes run at once; 0 means one for each core."),
    other(
        "password.queue",
        "How many passwords may wait to be hashed; with one more, one is refused with 503 at once: the newest of the network that has the most waiting.",
    ),
    other(
        "users.require_active",
        "Whether only users whose address is confirmed (isActive) may sign in and use tokens. New users are sent a code.",
    ),
    other(
        "users.confirm",
        "Whether new users are sent a code that confirms the address, also if they may sign in without.",
    ),
    text("audit.keep", "How long the audit log keeps an entry; 0 keeps no log."),
    other(
        "audit.max_rows",
        "The most entries of the audit log, some 150 bytes each; of more, failed sign-ins go first, and then the oldest.",
    ),
    text(
        "apps.folder",
        "The folder of the connectors' manifests, which `GET /apps` shows; it is read again when it changes.",
    ),
    other("http.workers", "The threads that serve requests; 0 means one for each core."),
    other("http.max_connections", "The most connections at once; one more is answered with 503 and closed."),
    other(
        "http.max_streams",
        "The most requests at once on one connection with HTTP/2; over all of them, never more than `http.max_connections`.",
    ),
    other(
        "http.max_connections_per_address",
        "The most connections at once from one address, or from one IPv6 network of 64 bits; one more is answered with 429 and closed. 0 means any number. Not counted are trusted proxies, Unix sockets, 127.0.0.1 and ::1.",
    ),
    other("http.body_limit", "The largest request body, in bytes; more is answered with 413."),
    other(
        "http.body_memory",
        "The memory for request bodies while they come in, in bytes, all together; the first 4096 of each do not count. More is answered with 503.",
    ),
    other(
        "http.header_limit",
        "The largest request head, in bytes, at least 8192; more is answered with 431.",
    ),
    text(
        "http.header_timeout",
        "The longest time in which nothing gets done on a connection: no request head completed, no byte of an answer taken in. Then it is closed, a quarter later at most.",
    ),
    text(
        "http.idle_timeout",
        "The longest time between two requests on a connection. Then it is closed, a quarter of http.header_timeout later at most. It must be longer than a load balancer in front keeps its own idle connections.",
    ),
    text(
        "http.body_timeout",
        "The longest wait for a whole request body; then 408. A body that is forwarded may take longer, as long as it keeps to http.body_min_rate.",
    ),
    other(
        "http.body_min_rate",
        "The least rate of a request body that is forwarded, in bytes a second, on average over each http.body_timeout in which the client is waited for; less is answered with 408. With 0, something must come within each such time.",
    ),
    text("http.shutdown_grace", "How long requests that run may go on after SIGTERM."),
    other(
        "http.trusted_proxies",
        "The networks of the proxies in front, such as 10.0.0.0/8, and unix for those that come through a Unix socket: only their Forwarded and X-Forwarded-For tell the client's address.",
    ),
    other("http.cors_origins", "The origins whose scripts may read answers; * means every one."),
    other(
        "http.cors_headers",
        "The request headers that such scripts may send, besides Authorization, Content-Type, X-Request-Id, traceparent, tracestate, baggage and sentry-trace.",
    ),
    other(
        "http.session_cache_bytes",
        "The memory for tokens that were verified before, in bytes; 0 remembers none.",
    ),
    text("tls.listen", "The address and port to listen on with TLS."),
    text(
        "tls.certificate",
        "The PEM file of the server's certificate, followed by those that lead to an authority; it is read again when it changes.",
    ),
    text(
        "tls.key",
        "The PEM file of the certificate's private key: PKCS #8, SEC1 or PKCS #1, without a password.",
    ),
    other("tls.http2", "Whether clients may choose HTTP/2."),
    text("tls.handshake_timeout", "The longest TLS handshake; then the connection is closed."),
    text(
        "tls.hsts",
        "For how long browsers that were here once insist on TLS (Strict-Transport-Security); 0 says nothing of it.",
    ),
    other("tls.hsts_subdomains", "Whether they insist on it for all subdomains too."),
    other("limits.enabled", "Whether guessing passwords and codes, and making users, is limited at all."),
    other(
        "limits.exempt",
        "The networks that are never limited, such as that of a backend through which all users come, and unix for Unix sockets.",
    ),
    text(
        "limits.sign_in",
        "How many failures one network may have, as a number and a time: wrong passwords at sign-in, and wrong codes or passwords that are to confirm an address. A network is an IPv4 address or an IPv6 /64; an IPv6 /48 may have ten times as many.",
    ),
    text("limits.sign_up", "How many users one network may make, or try to."),
    text(
        "limits.forgot_password",
        "How many codes one network may ask for, for forgotten passwords and confirmations; a test mail counts as one.",
    ),
    text("limits.redeem_code", "How many wrong codes for a forgotten password one network may send."),
    text("limits.change_password", "How many wrong old passwords one network may send."),
    text(
        "limits.account",
        "How many wrong passwords for one account may come from all networks together from which nobody has signed in to it.",
    ),
    text("limits.account_codes", "How many codes may be asked for for one account."),
    other(
        "limits.entries",
        "How many networks, how many accounts and how many pairs of both are remembered, each; all together they take at most some 130 bytes for each.",
    ),
    other("console.enabled", "Whether there is the console, the page for administrators at `/console`."),
    text(
        "console.session",
        "How long a session of the console lasts, whatever token.lifetime is; at most 12h.",
    ),
    text(
        "console.origin",
        "The origin that the console has to itself, such as https://admin.example.com: under any other host there is no console, and under this one nothing is forwarded.",
    ),
    text(
        "management.listen",
        "The address and port of /metrics, /healthz and /readyz for the operator alone; without it there are no metrics.",
    ),
    text(
        "gateway.ca_file",
        "A PEM file of certificates of authorities that upstreams with https may be certified by, besides the system's.",
    ),
    other(
        "gateway.routes",
        "What is forwarded: for each prefix of a path, such as /flows, a table of its own, whose keys are below. In the environment it is JSON.",
    ),
    other(
        "delivery.enabled",
        "Whether mails and webhooks are delivered. With false they wait in the database, as for a trial of a backup, until a server delivers them or they expire.",
    ),
    text(
        "delivery.timeout",
        "The longest time of one attempt to deliver a mail or a webhook, from the connection to the answer.",
    ),
    text(
        "delivery.first_retry",
        "How long after the first failed attempt a mail or a webhook is tried again; twice as long after each other one, up to half an hour.",
    ),
    text(
        "delivery.ca_file",
        "A PEM file of certificates of authorities that mail servers and receivers of webhooks may be certified by, besides the system's.",
    ),
    text(
        "log.level",
        "The least level that is logged: error, warn, info, debug or trace; also for one part, as in info,appmixer_http=debug. Libraries log errors alone unless they are named, as in info,hyper=debug.",
    ),
    text("log.format", "auto (text on a terminal, JSON elsewhere), text or json."),
    other(
        "log.access",
        "Whether each request leaves a line in the log: who, what, with which outcome, and how long it took.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use appmixer_core::{DefaultValue, KNOWN_KEYS};
    use figment::Figment;
    use figment::providers::{Format as _, Serialized, Toml};
    use figment::value::{Dict, Value};

    use super::*;
    use crate::config::Config;
    use crate::config::gateway::{ROUTE_KEYS, RouteConfig};

    fn flatten(dict: &Dict, prefix: &str, into: &mut BTreeMap<String, String>) {
        for (name, value) in dict {
            let name = format!("{prefix}{name}");
            match value {
                Value::Dict(_, dict) if dict.is_empty() => drop(into.insert(name, "{}".to_owned())),
                Value::Dict(_, dict) => flatten(dict, &format!("{name}."), into),
                Value::Empty(..) => drop(into.insert(name, String::new())),
                value => drop(into.insert(name, serde_json::to_string(value).unwrap())),
            }
        }
    }

    /// Every key of the code with its default, as JSON; empty for none.
    fn defaults() -> BTreeMap<String, String> {
        let figment = Figment::from(Serialized::defaults(Config::default()));
        let mut keys = BTreeMap::new();
        flatten(&figment.extract::<Dict>().unwrap(), "", &mut keys);
        keys
    }

    fn file(name: &str) -> String {
        let path = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[test]
    fn the_table_has_every_key_of_the_code_and_no_other() {
        let mut names: Vec<_> = KEYS.iter().map(|key| key.name.to_owned()).collect();
        names.sort();
        assert_eq!(names, defaults().into_keys().collect::<Vec<_>>());
    }

    #[test]
    fn the_example_file_has_every_key_with_its_default_and_its_meaning_and_can_be_used() {
        let example = file("appmixer.example.toml");
        let lines = example.lines().map(|line| line.strip_prefix('#').unwrap_or(line));
        let uncommented: Vec<_> = lines.filter(|line| !line.starts_with(' ')).collect();
        let mut keys = BTreeMap::new();
        let dict: Dict = Figment::from(Toml::string(&uncommented.join("\n"))).extract().unwrap();
        flatten(&dict, "", &mut keys);
        let mut expected = defaults();
        // What has no default is shown as it may look.
        let shown = [
            ("listen_unix", 3),
            ("store.url", 30),
            ("store.url_file", 3),
            ("store.ca_file", 3),
            ("token.secret", 30),
            ("token.secret_file", 3),
            ("token.previous_secrets_file", 3),
            ("password.refused_file", 3),
            ("apps.folder", 3),
            ("tls.listen", 3),
            ("tls.certificate", 3),
            ("tls.key", 3),
            ("console.origin", 8),
            ("delivery.ca_file", 3),
            ("gateway.ca_file", 3),
            ("management.listen", 8),
        ];
        for (name, least) in shown {
            let shown = keys.insert(name.to_owned(), String::new());
            assert!(shown.is_some_and(|shown| shown.len() > least), "{name}");
            expected.insert(name.to_owned(), String::new());
        }
        // A route is shown as it may look, with its defaults.
        let mut routes = keys.extract_if(.., |name, _| name.starts_with("gateway.routes./"));
        let shown =
            routes.by_ref().map(|(name, value)| (name.split_once("/flows.").unwrap().1.to_owned(), value));
        let mut shown: BTreeMap<_, _> = shown.collect();
        drop(routes);
        let mut route = BTreeMap::new();
        let defaults = Figment::from(Serialized::defaults(RouteConfig::default()));
        flatten(&defaults.extract::<Dict>().unwrap(), "", &mut route);
        for name in ["to", "health_path"] {
            assert!(
                shown.insert(name.to_owned(), String::new()).is_some_and(|shown| shown.len() > 3),
                "{name}"
            );
            route.insert(name.to_owned(), String::new());
        }
        assert_eq!(shown, route);
        keys.insert("gateway.routes".to_owned(), "{}".to_owned());
        assert_eq!(keys, expected);
        for (name, meaning) in ROUTE_KEYS {
            assert!(example.contains(&format!("# {meaning}")), "{name}: {meaning}");
        }
        for key in KEYS {
            assert!(example.contains(&format!("# {}", key.meaning)), "{}: {}", key.name, key.meaning);
        }
        // As it stands, with everything commented out, it changes nothing.
        assert!(
            Figment::from(Toml::string(&example))
                .extract::<Dict>()
                .unwrap()
                .values()
                .all(|value| value.as_dict().is_some_and(Dict::is_empty))
        );
    }

    #[test]
    fn the_documentation_has_every_key_with_its_default_its_variable_and_its_meaning() {
        let docs = file("docs/configuration.md");
        let defaults = defaults();
        for key in KEYS {
            let default = &defaults[key.name];
            let default = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
            let variable = format!("APPMIXER_{}", key.name.replace('.', "__").to_uppercase());
            let row = format!("| `{}` | `{variable}` | {default} | {} |", key.name, key.meaning);
            assert!(docs.contains(&row), "missing:\n{row}");
        }
        let route = serde_json::to_value(RouteConfig::default()).unwrap();
        for (name, meaning) in ROUTE_KEYS {
            let default = match &route[name] {
                serde_json::Value::Null => "none".to_owned(),
                default => format!("`{default}`"),
            };
            let row = format!("| `{name}` | {default} | {meaning} |");
            assert!(docs.contains(&row), "missing:\n{row}");
        }
        let rows = docs.lines().filter(|line| line.contains("` | `APPMIXER_")).count();
        assert_eq!(rows, KEYS.len(), "a row for a key that is no more");
    }

    #[test]
    fn the_documentation_has_every_key_of_the_system_configuration_with_its_default() {
        let docs = file("docs/configuration.md");
        let (_, system) = docs.split_once("## System").unwrap();
        for key in KNOWN_KEYS {
            let name = format!("`{}`", key.name);
            let row = system.lines().find(|line| {
                line.starts_with("| ") && line.split(" | ").next().is_some_and(|cell| cell.contains(&name))
            });
            let row = row.unwrap_or_else(|| panic!("no row for {name}"));
            let default = match key.default {
                DefaultValue::Null => continue,
                DefaultValue::Text(text) => format!("`{text}`"),
                DefaultValue::Port(port) => port.to_string(),
            };
            assert!(row.contains(&default), "{name}: {default}");
        }
    }

    #[test]
    fn what_containers_are_started_with_are_keys() {
        let names: Vec<_> = KEYS
            .iter()
            .map(|key| format!("APPMIXER_{}", key.name.replace('.', "__").to_uppercase()))
            .collect();
        // What the compose file itself and Caddy read, and what the chart makes of `settings`.
        let others = ["APPMIXER_VERSION", "APPMIXER_SITE", "APPMIXER_NODES", "APPMIXER_"];
        for path in [
            "deploy/docker/Dockerfile",
            "deploy/compose/compose.yaml",
            "deploy/helm/appmixer-server/templates/_helpers.tpl",
        ] {
            let text = file(path);
            let is_in_name =
                |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
            let words = text.split(|letter| !is_in_name(letter)).filter(|word| word.starts_with("APPMIXER_"));
            let unknown: Vec<_> = words
                .filter(|word| !others.contains(word) && !names.iter().any(|name| name == word))
                .collect();
            assert!(unknown.is_empty(), "{path}: {unknown:?}");
        }
        for path in ["values.yaml", "ci/all-values.yaml"] {
            let text = file(&format!("deploy/helm/appmixer-server/{path}"));
            let settings = text.split("\nsettings:\n").nth(1).unwrap();
            let lines = settings.lines().take_while(|line| line.starts_with(' ') || line.is_empty());
            let keys = lines.filter_map(|line| line.trim_start_matches([' ', '#']).split_once(": "));
            let keys: Vec<_> = keys.map(|(key, _)| key).filter(|key| key.contains('.')).collect();
            assert!(keys.len() >= 2, "{path}: {keys:?}");
            for key in keys {
                assert!(KEYS.iter().any(|known| known.name == key), "{path}: {key}");
            }
        }
    }
}
