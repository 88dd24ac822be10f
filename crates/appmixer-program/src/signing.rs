//! The keys that the database keeps: whether they can be used, and the first of them.

use appmixer_core::{Context, KeyRecord, Store};
use appmixer_http::{TokenOptions, make_first_key, open_key};
use appmixer_token::{Algorithm, Sealer, SigningKey};

use crate::commands::operator;
use crate::failure::Failure;

/// Before the first request: every key can be opened, is sealed under today's secret, and there is one of the
/// algorithm that was configured.
pub(crate) async fn prepare(ctx: &Context, tokens: &TokenOptions) -> Result<(), Failure> {
    let kept = ctx.store.signing_keys().await?;
    let sealer = tokens.sealer();
    for key in kept.iter().filter(|key| !key.is_own()) {
        reseal(&*ctx.store, &sealer, key).await?;
    }
    mark(&*ctx.store, &sealer, &kept).await?;
    let algorithm = tokens.algorithm;
    // Another server may have been quicker.
    if algorithm.is_asymmetric()
        && kept.iter().all(KeyRecord::is_own)
        && let Some(key) = make_first_key(ctx, tokens, &operator()).await?
    {
        tracing::info!(key = key.id.as_str(), %algorithm, "made the first key that signs tokens");
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
