//! The keys that the database keeps: whether they can be used, and the first of them.

use std::time::Duration;

use appmixer_core::{AddKey, Context, KeyId, KeyRecord, Store, Timestamp, add_key};
use appmixer_http::{JWKS_MAX_AGE_SECONDS, TokenOptions, open_key};
use appmixer_token::{Algorithm, CLOCK_SKEW_SECONDS, Sealer, SigningKey};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::commands::operator;
use crate::config::Config;
use crate::failure::Failure;

/// How long a new public key is published before it signs: twice as long as anybody keeps the set.
pub(crate) const PUBLISHED_BEFORE: Duration = Duration::from_secs(2 * JWKS_MAX_AGE_SECONDS);

/// Before the first request: every key can be opened, is sealed under today's secret, and there is one of the
/// algorithm that was configured.
pub(crate) async fn prepare(config: &Config, ctx: &Context, tokens: &TokenOptions) -> Result<(), Failure> {
    let kept = ctx.store.signing_keys().await?;
    let sealer = tokens.sealer();
    for key in kept.iter().filter(|key| !key.is_own()) {
        reseal(&*ctx.store, &sealer, key).await?;
    }
    mark(&*ctx.store, &sealer, &kept).await?;
    let algorithm = config.token.algorithm.0;
    if algorithm.is_asymmetric() && kept.iter().all(KeyRecord::is_own) {
        let now = ctx.clock.now();
        let key = new_key(&sealer, algorithm, now, now)?;
        let (id, end) = (key.id.clone(), end_of_others(now, config.token.lifetime.0));
        // Another server may have been quicker.
        if add_key(ctx, &operator(), key, end, AddKey::IfFirst).await? {
            tracing::info!(key = id.as_str(), %algorithm, "made the first key that signs tokens");
        }
    }
    Ok(())
}

/// Leaves something in the database that the present secret has sealed.
async fn mark(store: &dyn Store, sealer: &Sealer, kept: &[KeyRecord]) -> Result<(), Failure> {
    let Some(own) = kept.iter().find(|key| key.is_own()) else { return Ok(()) };
    if open_key(sealer, own).is_ok_and(|opened| !opened.is_old) {
        return Ok(());
    }
    // Any key would do: it is opened, and used for nothing.
    let failed = |error| Failure::refused(format!("the secret cannot be marked: {error}"));
    let marker = SigningKey::generate(Algorithm::Hs256).and_then(|key| sealer.seal(own.id.as_str(), &key));
    let marker = marker.map_err(failed)?;
    store.reseal_signing_key(own.id.clone(), own.sealed.clone(), marker).await?;
    Ok(())
}

/// Whether the server's keys can be opened here, and so what is sealed here can be opened there.
pub(crate) fn has_the_servers_secret(sealer: &Sealer, kept: &[KeyRecord]) -> Result<(), Failure> {
    let mut made = kept.iter().filter(|key| !key.sealed.is_empty());
    let unusable = made.find_map(|key| open_key(sealer, key).err());
    unusable.map_or(Ok(()), |why| {
        Err(Failure::refused(format!(
            "what the database has: {why}; this command needs the token.secret that the server has"
        )))
    })
}

/// When whatever was signed until `activates` has expired, whichever clock it was signed by.
pub(crate) fn end_of_others(activates: Timestamp, lifetime: Duration) -> Timestamp {
    activates.after(lifetime).after(Duration::from_secs(CLOCK_SKEW_SECONDS))
}

/// A key that nobody has, sealed.
pub(crate) fn new_key(
    sealer: &Sealer,
    algorithm: Algorithm,
    now: Timestamp,
    activates: Timestamp,
) -> Result<KeyRecord, Failure> {
    let failed = |error| Failure::refused(format!("a key cannot be made: {error}"));
    let key = SigningKey::generate(algorithm).map_err(failed)?;
    let id = match key.verifying().kid() {
        Some(kid) => kid.to_owned(),
        None => random_name()?,
    };
    let private = sealer.seal(&id, &key).map_err(failed)?;
    let id = KeyId::parse(&id).map_err(|error| Failure::refused(error.to_string()))?;
    Ok(KeyRecord {
        id,
        algorithm: algorithm.to_string(),
        sealed: private,
        created: now,
        activates,
        ends: None,
    })
}

/// A secret's name tells nothing of it: a digest would let whoever sees it try secrets.
fn random_name() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Failure::refused("the system has no random bytes"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Seals a key under the present secret if a previous one has opened it, so that that one can go.
async fn reseal(store: &dyn Store, sealer: &Sealer, record: &KeyRecord) -> Result<(), Failure> {
    let id = record.id.as_str();
    let opened = open_key(sealer, record).map_err(|why| {
        Failure::configuration(format!(
            "the signing key {id} in the database: {why}; start with the token.secret that it was made under, put \
             that among token.previous_secrets, or give the key up with `key retire {id}`"
        ))
    })?;
    if opened.is_old {
        let failed = |error| Failure::refused(format!("the signing key {id} cannot be sealed anew: {error}"));
        let new = sealer.seal(id, &opened.key).map_err(failed)?;
        store.reseal_signing_key(record.id.clone(), record.sealed.clone(), new).await?;
        tracing::info!(key = id, "sealed a signing key under the present secret");
    }
    Ok(())
}
