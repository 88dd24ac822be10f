//! What has changed, told from node to node.
//!
//! A write moves the counter of a shard on in its last statement and keeps the counter's row locked until it is
//! committed, so the numbers of a shard are in the order of commits, and a node that has seen one has seen all before
//! it. Every node looks at the counters a few times a second; a notification only has it look at once. What a node
//! could not look at for too long it must not trust: then it is told that everything has changed, again and again.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use appmixer_core::{Change, ChangeListener, UserId};
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, Error};

use super::db::{Session, random};
use super::error::with_cause;
use super::open::{Connector, PostgresError, PostgresOptions};
use super::outage::Outage;
use super::sql::statements;
use super::{news, schema};
use crate::metrics;

/// Users' changes are spread over so many counters; one more counts all else.
const SHARDS: u8 = 64;

/// How often a node looks whether another has changed something.
const INTERVAL: Duration = Duration::from_millis(250);

/// How long it waits for the answer, and how long without one until it connects anew.
const PATIENCE: Duration = Duration::from_secs(1);
const CONNECT_PATIENCE: Duration = Duration::from_secs(4);

/// More changes at once are told as [`Change::Everything`].
const MOST: i64 = 4096;

/// How often changes are forgotten that every node has seen, or will find to be missing.
const TRIM_INTERVAL: Duration = Duration::from_mins(1);

/// How often whoever waits for messages is told to look for those of other nodes.
const MESSAGES_INTERVAL: Duration = Duration::from_secs(1);

const LISTEN: &str = "LISTEN appmixer_changes";
const NOTIFY: &str = "NOTIFY appmixer_changes";

const COUNTERS: &str = "SELECT shard, last FROM change_shards";
const SINCE: &str = "SELECT changes.shard, changes.number, changes.kind, changes.subject, changes.origin \
     FROM UNNEST($1::SMALLINT[], $2::BIGINT[]) AS known (shard, number) \
     JOIN changes ON changes.shard = known.shard AND changes.number > known.number \
     ORDER BY changes.shard, changes.number LIMIT $3";
const TRIM: &str = "DELETE FROM changes WHERE (shard, number) IN (SELECT shard, number FROM changes \
     WHERE made < now() - INTERVAL '10 minutes' ORDER BY made LIMIT 10000 FOR UPDATE SKIP LOCKED)";

statements! {
    RECORD = "WITH moved AS (UPDATE change_shards SET last = last + 1 WHERE shard = $1 RETURNING last) \
         INSERT INTO changes (shard, number, subject, kind, origin) SELECT $1, last, $2, $3, $4 FROM moved",
        [INT2, BYTEA, INT2, INT8];
}

const USER: i16 = 0;
const CONFIG: i16 = 1;
const EVERYTHING: i16 = 2;

/// Says, as the last statement of a transaction, what it has changed.
async fn record(db: Session<'_, '_>, change: Change, origin: i64) -> Result<(), Error> {
    let (shard, subject, kind) = match change {
        Change::User(id) => (id.as_bytes()[11] % SHARDS, Some(id), USER),
        Change::Config => (SHARDS, None, CONFIG),
        Change::Everything => (SHARDS, None, EVERYTHING),
    };
    let subject = subject.as_ref().map(|id| &id.as_bytes()[..]);
    db.run(&RECORD, &[&i16::from(shard), &subject, &kind, &origin]).await.map(drop)
}

/// What this node tells of its changes, and to whom.
pub(super) struct Changes {
    listener: Arc<dyn ChangeListener>,
    /// Counts writes, for whoever waits for messages.
    pub(super) writes: watch::Sender<u64>,
    /// Whether there is something that the other nodes should look at.
    made: Notify,
    /// When what all nodes have changed was last known.
    known: watch::Sender<Instant>,
    /// The origins of changes that this node tells of itself.
    own: Mutex<HashSet<i64>>,
}

/// A change that is about to be committed.
///
/// Whoever has made it tells of it before anybody gets an answer. Should that one have gone by then, without knowing
/// whether it was committed, this node hears of it as it does of the changes of others.
pub(super) struct Pending<'a> {
    changes: &'a Changes,
    change: Option<Change>,
    origin: i64,
}

impl<'a> Pending<'a> {
    /// Says, as the last statement of a transaction, what it has changed.
    pub(super) async fn record(
        changes: &'a Changes,
        db: Session<'_, '_>,
        change: Option<Change>,
    ) -> Result<Self, Error> {
        let pending = Self { changes, change, origin: i64::from_ne_bytes(random().to_ne_bytes()) };
        if let Some(change) = change {
            changes.own().insert(pending.origin);
            record(db, change, pending.origin).await?;
        }
        Ok(pending)
    }

    /// It is on disk.
    pub(super) fn committed(mut self) {
        if let Some(change) = self.change.take() {
            self.changes.listener.changed(change);
            self.changes.made.notify_one();
        }
        self.changes.writes.send_modify(|count| *count += 1);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        // Taken out by the watcher, who has seen it and told nobody.
        if let Some(change) = self.change
            && !self.changes.own().remove(&self.origin)
        {
            self.changes.listener.changed(change);
        }
    }
}

impl Changes {
    /// What others change from now on is heard of while the future that is answered with is being run.
    pub(super) async fn begin(
        connector: Connector,
        options: &PostgresOptions,
        listener: Arc<dyn ChangeListener>,
    ) -> Result<(Arc<Self>, impl Future<Output = ()> + Send + use<>), PostgresError> {
        let changes = Arc::new(Self {
            listener,
            // Whoever looks for the first time has something to look for.
            writes: watch::Sender::new(1),
            made: Notify::new(),
            known: watch::Sender::new(Instant::now()),
            own: Mutex::default(),
        });
        let mut watcher = Watcher {
            changes: Arc::clone(&changes),
            seen: BTreeMap::new(),
            notified: Arc::new(Notify::new()),
            notifies: connector.prepare,
            outage: Outage::new(&connector, options.stale_after),
            connector,
        };
        let client = watcher.connect().await.map_err(|error| watcher.connector.unreachable(&error))?;
        watcher.look(&client).await.map_err(schema::failed)?;
        let doubt = doubt(Arc::clone(&changes), options.stale_after);
        let watch = async move {
            tokio::join!(watcher.run(client), doubt);
        };
        Ok((changes, watch))
    }

    fn own(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As long as it is not known what has changed, everything may have.
async fn doubt(changes: Arc<Changes>, stale_after: Duration) {
    let mut ticks = interval(INTERVAL);
    let mut told = false;
    loop {
        ticks.tick().await;
        let stale = changes.known.borrow().elapsed() > stale_after;
        if stale {
            changes.listener.changed(Change::Everything);
        }
        if stale != told {
            told = stale;
            metrics::READY.set(if stale { 0.0 } else { 1.0 });
        }
    }
}

struct Watcher {
    changes: Arc<Changes>,
    connector: Connector,
    /// The last number of each shard that was seen.
    seen: BTreeMap<i16, i64>,
    /// Another node has said that there is something to look at.
    notified: Arc<Notify>,
    /// Whether notifications are of use: through a proxy that pools transactions they do not come.
    notifies: bool,
    outage: Outage,
}

impl Watcher {
    async fn connect(&self) -> Result<Client, Error> {
        let (client, mut connection) = self.connector.config.connect(self.connector.tls.clone()).await?;
        let notified = Arc::clone(&self.notified);
        tokio::spawn(async move {
            // Ends with the client, or with the connection.
            while let Some(message) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                match message {
                    Ok(AsyncMessage::Notification(_)) => notified.notify_one(),
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        if self.notifies
            && let Err(error) = client.batch_execute(LISTEN).await
        {
            // Other engines know no notifications.
            tracing::debug!(error = with_cause(&error), "changes of other nodes are not notified, but found");
        }
        Ok(client)
    }

    async fn run(mut self, client: Client) {
        let mut client = Some(client);
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut trimmed, mut messages) = (Instant::now(), Instant::now());
        let changes = Arc::clone(&self.changes);
        loop {
            let mut made = false;
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.notified.notified() => {}
                () = changes.made.notified() => made = true,
            }
            let Some(connected) = client.take().filter(|client| !client.is_closed()) else {
                match timeout(CONNECT_PATIENCE, self.connect()).await {
                    Ok(Ok(connected)) => client = Some(connected),
                    Ok(Err(error)) => self.outage.failed(&with_cause(&error)),
                    Err(_) => self.outage.failed("no connection in time"),
                }
                continue;
            };
            let work = async {
                if made && self.notifies {
                    connected.batch_execute(NOTIFY).await?;
                }
                self.look(&connected).await?;
                if trimmed.elapsed() > TRIM_INTERVAL {
                    trimmed = Instant::now();
                    connected.batch_execute(TRIM).await?;
                    connected.batch_execute(news::TRIM).await?;
                }
                Ok::<_, Error>(())
            };
            match timeout(PATIENCE, work).await {
                Ok(Ok(())) => {
                    changes.known.send_replace(Instant::now());
                    client = Some(connected);
                    self.outage.ended();
                }
                Ok(Err(error)) => self.outage.failed(&with_cause(&error)),
                Err(_) => self.outage.failed("no answer in time"),
            }
            if messages.elapsed() > MESSAGES_INTERVAL {
                messages = Instant::now();
                changes.writes.send_modify(|count| *count += 1);
            }
        }
    }

    /// Tells the listener what has changed since the last time. The first time, nothing is remembered yet.
    async fn look(&mut self, client: &Client) -> Result<(), Error> {
        let first = self.seen.is_empty();
        let (mut shards, mut numbers, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
        let mut missing = 0;
        for row in client.query_typed(COUNTERS, &[]).await? {
            let (shard, last): (i16, i64) = (row.try_get(0)?, row.try_get(1)?);
            let seen = *self.seen.entry(shard).or_insert(last);
            if last > seen {
                shards.push(shard);
                numbers.push(seen);
                lasts.push(last);
                missing += last - seen;
            } else if last < seen {
                // Another database than before, or one that has lost something.
                self.seen.insert(shard, last);
                self.changes.listener.changed(Change::Everything);
            }
        }
        if first || shards.is_empty() {
            return Ok(());
        }
        let params =
            [(&shards as _, Type::INT2_ARRAY), (&numbers as _, Type::INT8_ARRAY), (&MOST as _, Type::INT8)];
        for row in client.query_typed(SINCE, &params).await? {
            let (shard, number): (i16, i64) = (row.try_get(0)?, row.try_get(1)?);
            let (kind, subject): (i16, Option<&[u8]>) = (row.try_get(2)?, row.try_get(3)?);
            let change = match subject.and_then(|id| id.try_into().ok()) {
                Some(id) if kind == USER => Change::User(UserId::from_bytes(id)),
                _ if kind == CONFIG => Change::Config,
                _ => Change::Everything,
            };
            // One that is not there was forgotten: this node has not looked for a long time.
            let next = self.seen.get(&shard).is_some_and(|seen| seen + 1 == number);
            let own = self.changes.own().remove(&row.try_get(4)?);
            if !next || !own {
                self.changes.listener.changed(if next { change } else { Change::Everything });
            }
            self.seen.insert(shard, number);
            missing -= 1;
        }
        if missing > 0 {
            for (shard, last) in shards.into_iter().zip(lasts) {
                let seen = self.seen.entry(shard).or_insert(last);
                *seen = last.max(*seen);
            }
            self.changes.own().clear();
            self.changes.listener.changed(Change::Everything);
        }
        Ok(())
    }
}
