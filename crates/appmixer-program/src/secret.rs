//! The secrets that sign tokens and webhooks: the configuration's, or ones that the server makes for itself.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use appmixer_core::{Context, MIN_WEBHOOK_SECRET_BYTES, Store};
use appmixer_http::{TokenOptions, open_key};
use appmixer_notify::WebhookKey;
use appmixer_store::{Folder, explain};
use appmixer_token::{MIN_SECRET_BYTES, Secret};
use ring::rand::{SecureRandom as _, SystemRandom};
use rustix::fs::OFlags;
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::config::{Config, SecretText};
use crate::database::file_exists;
use crate::failure::Failure;

const FILE: &str = "token.secret";
const WEBHOOK_FILE: &str = "webhook.secret";

const HOW_TO_GIVE_IT: &str = "run the command with the server's configuration (--config, --data), or set \
     token.secret or token.secret_file (APPMIXER_TOKEN__SECRET, APPMIXER_TOKEN__SECRET_FILE) as the server has it";

/// What is in the data folder beside the database, and belongs to it.
pub(crate) const FILES: [&str; 2] = [FILE, WEBHOOK_FILE];

/// The keys of this server.
pub(crate) fn token_options(config: &Config) -> Result<TokenOptions, Failure> {
    for path in config.token.secret_file.iter().chain(&config.token.previous_secrets_file) {
        warn_if_anybody_can_read(path);
    }
    let current = match &config.token.secret {
        Some(text) => config.secret_of("token.secret", text)?,
        None => own_token_secret(&config.data)?,
    };
    let previous =
        config.token.previous_secrets.iter().map(|text| config.secret_of("token.previous_secrets", text));
    Ok(TokenOptions {
        current,
        previous: previous.collect::<Result<_, _>>()?,
        allow_short_secret: config.token.allow_short_secret,
        algorithm: config.token.algorithm.0,
    })
}

/// The keys of a server that starts. A secret is created where there is none, unless keys in the database need another.
pub(crate) async fn token_options_at_start(
    config: &Config,
    store: &dyn Store,
) -> Result<TokenOptions, Failure> {
    let file = config.data.join(FILE);
    let is_new = config.token.secret.is_none() && !file_exists(&file);
    if is_new && store.signing_keys().await?.iter().any(|key| !key.is_own()) {
        return Err(Failure::configuration(format!(
            "the database has signing keys that were sealed under a token.secret which is not here: put the server's \
             {FILE} at {}, or set token.secret; if it is lost, set a new one and give the keys up with `key retire`",
            file.display()
        )));
    }
    token_options(config)
}

/// The keys of the server, for a command that issues, signs or verifies something by them.
///
/// # Errors
/// The server's secret is not known here, or the database was last served under another one: what the command makes
/// would be worth nothing.
pub(crate) async fn server_token_options(config: &Config, ctx: &Context) -> Result<TokenOptions, Failure> {
    let tokens = known_token_options(config)?;
    if is_of_server(&tokens, ctx).await? {
        return Ok(tokens);
    }
    Err(Failure::refused(format!(
        "this command needs the token.secret that the server has, and has another one: {HOW_TO_GIVE_IT}"
    )))
}

/// The keys by the secrets that this command knows. None is created: the server would not know it.
pub(crate) fn known_token_options(config: &Config) -> Result<TokenOptions, Failure> {
    let file = config.data.join(FILE);
    if config.token.secret.is_none() && !file_exists(&file) {
        return Err(Failure::refused(format!(
            "the server's token secret is not known: there is no {}, and token.secret is not set; {HOW_TO_GIVE_IT}",
            file.display()
        )));
    }
    token_options(config)
}

/// Whether what the server has left in the database can be opened by these secrets. A database that no server has
/// used has nothing to compare.
pub(crate) async fn is_of_server(tokens: &TokenOptions, ctx: &Context) -> Result<bool, Failure> {
    let keys = ctx.store.signing_keys().await?;
    let mark = keys.iter().find(|key| key.is_own() && !key.sealed.is_empty());
    Ok(mark.is_none_or(|mark| open_key(&tokens.sealer(), mark).is_ok()))
}

/// Containers mount secrets so, where nobody else is; elsewhere it is a mistake. The file is not ours to change.
fn warn_if_anybody_can_read(path: &Path) {
    if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0) {
        tracing::warn!(path = %path.display(), "everybody on this machine can read this file of secrets");
    }
}

/// The shortest `JWTSecret` that the system configuration takes, in bytes.
pub(crate) const fn min_secret_bytes(config: &Config) -> usize {
    if config.token.allow_short_secret { 1 } else { MIN_SECRET_BYTES }
}

impl Config {
    pub(crate) fn token_secrets_are_long_enough(&self) -> Result<(), Failure> {
        let secret = self.token.secret.iter().map(|text| ("token.secret", text));
        let previous = self.token.previous_secrets.iter().map(|text| ("token.previous_secrets", text));
        secret.chain(previous).try_for_each(|(key, text)| self.secret_of(key, text).map(drop))
    }

    fn secret_of(&self, key: &str, text: &SecretText) -> Result<Secret, Failure> {
        let bytes = text.as_bytes();
        let secret =
            if self.token.allow_short_secret { Secret::short_allowed(bytes) } else { Secret::new(bytes) };
        secret.map_err(|error| {
            Failure::configuration(format!(
                "{key}: {error}; token.allow_short_secret accepts it nevertheless"
            ))
        })
    }
}

fn own_token_secret(folder: &Path) -> Result<Secret, Failure> {
    let text = own_secret(folder, FILE)?;
    Secret::new(text.as_bytes()).map_err(|error| {
        let path = folder.join(FILE);
        Failure::configuration(format!("{}: {error}; mend or delete it", path.display()))
    })
}

/// What signs webhooks while the system configuration has no `WEBHOOK_SECRET`. Created, or read, at the first
/// webhook.
pub(crate) fn webhook_key(config: &Config) -> WebhookKey {
    let folder = config.data.clone();
    if config.database().is_ok_and(|database| database.file().is_none()) {
        return WebhookKey::Shared;
    }
    WebhookKey::Own(Box::new(move || {
        let text = own_secret(&folder, WEBHOOK_FILE).map_err(|failure| failure.to_string())?;
        if text.len() < MIN_WEBHOOK_SECRET_BYTES {
            return Err(format!("{WEBHOOK_FILE} is too short; mend or delete it"));
        }
        Ok(Zeroizing::new(text.as_bytes().to_vec()))
    }))
}

/// Reads a secret in the data folder, or makes it.
fn own_secret(folder: &Path, name: &str) -> Result<Zeroizing<String>, Failure> {
    let path = folder.join(name);
    let unusable = |error: io::Error| {
        Failure::configuration(format!("{} cannot be used: {}", path.display(), explain(&path, &error)))
    };
    let mut text = Zeroizing::new(String::new());
    match open(&path) {
        Ok((file, is_link)) => {
            let mode = file.metadata().map_err(unusable)?.permissions().mode();
            // Where a link leads is not ours to change.
            if mode & 0o077 != 0 && !is_link {
                tracing::warn!(path = %path.display(), "a secret could be read by others; made it private");
                file.set_permissions(Permissions::from_mode(0o600)).map_err(unusable)?;
            }
            file.take(4096).read_to_string(&mut text).map_err(unusable)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            text = make(folder, name).map_err(unusable)?;
            if name == FILE {
                tracing::info!(path = %path.display(), "made a secret for tokens; keep it: without it nobody stays signed in");
            } else {
                tracing::info!(path = %path.display(), "made a key that signs webhooks; receivers check them with it");
            }
        }
        Err(error) => return Err(unusable(error)),
    }
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Opens a file, and says whether its name is a symbolic link.
fn open(path: &Path) -> io::Result<(File, bool)> {
    let options =
        |flags: OFlags| OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    match options(OFlags::NOFOLLOW) {
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            Ok((options(OFlags::empty())?, true))
        }
        file => Ok((file?, false)),
    }
}

/// Creates a secret. If another process was quicker, returns the one that it has created.
fn make(folder: &Path, name: &str) -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; MIN_SECRET_BYTES]);
    SystemRandom::new().fill(&mut *bytes).map_err(|_| io::Error::other("the system has no random bytes"))?;
    let mut text = Zeroizing::new(String::with_capacity(2 * MIN_SECRET_BYTES));
    for byte in &*bytes {
        let _ = write!(text, "{byte:02x}");
    }
    match Folder::create_all(folder)?.write_new(name, text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::read_to_string(folder.join(name)).map(Zeroizing::new)
        }
        written => written.map(|()| text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_secret_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        own_secret(&data, FILE).unwrap();
        let first = fs::read(data.join(FILE)).unwrap();
        own_secret(&data, FILE).unwrap();
        assert_eq!(fs::read(data.join(FILE)).unwrap(), first);
        assert_eq!(first.len(), 64);
        assert_eq!(fs::metadata(data.join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no draft stays behind");
    }

    #[test]
    fn a_damaged_secret_is_told_by_its_path_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "short").unwrap();
        let config = Config { data: folder.path().to_owned(), ..Config::default() };
        let failure = token_options(&config).err().unwrap();
        assert!(failure.to_string().contains(FILE) && !failure.to_string().contains("short;"), "{failure}");
        assert_eq!(fs::read(folder.path().join(FILE)).unwrap(), b"short");
    }
}
