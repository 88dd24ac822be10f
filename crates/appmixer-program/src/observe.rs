//! Metrics: where they are kept, and what is asked for now and then rather than counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use appmixer_core::{Channel, Clock, MAX_WAITING, Store, StoreError, UserQuery};
use appmixer_metrics::{Kind, Registry};
use metrics::{describe_gauge, gauge};
use tokio::time::sleep;

use crate::config::Config;
use crate::database::Database;
use crate::logging::Log;
use crate::process;

/// How old what was asked of the database may be.
const PAUSE: Duration = Duration::from_secs(10);

/// How many messages are looked at in one read.
const PAGE: u32 = 1000;

/// Begins to count; once a process, and before anything is made that counts.
pub(crate) fn start(config: &Config, log: &Log) -> Registry {
    let registry = Registry::new();
    if !registry.install() {
        tracing::error!("something else counts already: there will be few metrics");
    }
    appmixer_http::describe_metrics();
    appmixer_notify::describe_metrics();
    appmixer_password::describe_metrics();
    appmixer_store::describe_metrics();
    describe_gauge!("appmixer_build_info", "Always 1; the version is its label.");
    gauge!("appmixer_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    describe_gauge!("appmixer_users", "Users that there are.");
    describe_gauge!("appmixer_outbox_waiting", "Mails and webhooks that wait for delivery.");
    describe_gauge!("appmixer_outbox_oldest_seconds", "How long the oldest of them has waited.");

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let (folder, database) = (config.data.clone(), config.database().ok());
    registry.add_source(log.source());
    registry.add_source(move |page| {
        page.family("process_start_time_seconds", Kind::Gauge, "When the process was started, since 1970.")
            .sample(&[], now);
        process::write(page);
        process::write_disk(page, &folder, database.as_ref().and_then(Database::file));
    });
    registry
}

/// Asks the database, until it is dropped.
pub(crate) async fn run(store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
    loop {
        if let Err(error) = ask(&*store, &*clock).await {
            tracing::debug!(%error, "some metrics are old: the database was not asked");
        }
        sleep(PAUSE).await;
    }
}

async fn ask(store: &dyn Store, clock: &dyn Clock) -> Result<(), StoreError> {
    gauge!("appmixer_users").set(process::float(store.count(UserQuery::default()).await?));
    // By channel: how many, and since when the oldest waits. Ids ascend with time.
    let mut waiting = BTreeMap::new();
    let most = MAX_WAITING * u32::try_from(Channel::ALL.len()).unwrap_or(1);
    let mut after = None;
    for _ in 0..most.div_ceil(PAGE) {
        let messages = store.waiting(after, PAGE).await?;
        for message in &messages {
            waiting.entry(message.channel.as_str()).or_insert((0_u32, message.created)).0 += 1;
        }
        let Some(last) = messages.last().filter(|_| messages.len() == PAGE as usize) else {
            break;
        };
        after = Some(last.id);
    }
    let now = clock.now().millis();
    for channel in Channel::ALL {
        let channel = channel.as_str();
        let (count, since) = waiting.get(channel).map_or((0, now), |(count, since)| (*count, since.millis()));
        gauge!("appmixer_outbox_waiting", "channel" => channel).set(f64::from(count));
        let age = Duration::from_millis(u64::try_from(now.saturating_sub(since)).unwrap_or(0));
        gauge!("appmixer_outbox_oldest_seconds", "channel" => channel).set(age.as_secs_f64());
    }
    Ok(())
}
