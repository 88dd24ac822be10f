//! The key that signs webhooks while `WEBHOOK_SECRET` is not set.

use std::fmt::Write as _;

use appmixer_core::{ConfigEntry, ConfigKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::settings::{Settings, WEBHOOK_SECRET};
use crate::{Notifier, WebhookKey};

/// As many random bytes as the hash of the signature has.
const KEY_BYTES: usize = 32;

impl Notifier {
    /// The key, which is created if there is none. Servers that share a database all get the same one.
    pub(crate) async fn webhook_key(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        match &self.webhook_key {
            WebhookKey::Own(own) => own(),
            WebhookKey::Shared => self.shared_key().await,
        }
    }

    async fn shared_key(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        let key = ConfigKey::parse(WEBHOOK_SECRET).map_err(|error| error.to_string())?;
        let new = random_text()?;
        let created = ConfigEntry::from_store(key, new.as_str().into());
        let stored = self.store.set_if_absent(created).await.map_err(|error| error.to_string())?;
        if stored.value().as_str() == Some(new.as_str()) {
            tracing::info!(
                "created WEBHOOK_SECRET, which signs webhooks; to check signatures, set one that receivers know"
            );
        }
        Settings(&[stored])
            .webhook_secret()
            .ok_or_else(|| format!("{WEBHOOK_SECRET} is not a text; set it anew"))
    }
}

fn random_text() -> Result<Zeroizing<String>, String> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    SystemRandom::new().fill(&mut *bytes).map_err(|_| "the system has no random bytes".to_owned())?;
    let mut text = Zeroizing::new(String::with_capacity(2 * KEY_BYTES));
    for byte in &*bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
