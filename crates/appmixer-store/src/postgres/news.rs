//! What nodes tell each other beside the data.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use appmixer_core::{Neighbours, News, StoreError};
use async_trait::async_trait;

use super::PostgresStore;
use super::db::{Db, Outcome, random};
use super::error::Stop;
use super::sql::statements;

/// How many are read at a time.
const PAGE: i64 = 16;

/// Before anything was heard.
const NOTHING: i64 = -1;

statements! {
    TELL = "WITH moved AS (UPDATE turns SET value = value + 1 WHERE name = 'news' RETURNING value) \
         INSERT INTO news (number, origin, message) SELECT value, $1, $2 FROM moved", [INT8, BYTEA];
    LAST = "SELECT value FROM turns WHERE name = 'news'", [];
    // The database's clock alone counts: that of another node may differ.
    HEAR = "SELECT number, origin, message, \
         CAST(greatest(extract(epoch FROM now() - made) * 1000, 0) AS BIGINT) FROM news \
         WHERE number > $1 AND made > now() - INTERVAL '1 hour' ORDER BY number LIMIT $2", [INT8, INT8];
}

/// Forgets what is older than an hour.
pub(super) const TRIM: &str = "DELETE FROM news WHERE number IN (SELECT number FROM news \
     WHERE made < now() - INTERVAL '1 hour' ORDER BY number LIMIT 10000 FOR UPDATE SKIP LOCKED)";

/// Up to where this node has heard.
pub(super) struct Heard {
    number: AtomicI64,
    origin: i64,
}

impl Heard {
    pub(super) fn nothing() -> Self {
        Self { number: AtomicI64::new(NOTHING), origin: i64::from_ne_bytes(random().to_ne_bytes()) }
    }
}

#[async_trait]
impl Neighbours for PostgresStore {
    async fn tell(&self, news: Vec<u8>) -> Result<(), StoreError> {
        self.db.write(|db| Box::pin(tell(db, self.heard.origin, &news))).await
    }

    async fn hear(&self) -> Result<Vec<News>, StoreError> {
        loop {
            let since = self.heard.number.load(Ordering::Relaxed);
            let (next, count, news) = self.db.read(|db| Box::pin(hear(db, since, self.heard.origin))).await?;
            self.heard.number.store(next, Ordering::Relaxed);
            // A page of one's own only is no end.
            if !news.is_empty() || count < PAGE {
                return Ok(news);
            }
        }
    }
}

async fn tell(db: Db<'_>, origin: i64, news: &[u8]) -> Result<Outcome<()>, Stop<StoreError>> {
    db.run(&TELL, &[&origin, &news]).await?;
    Ok(((), None))
}

/// Up to where, how many, and those of others.
async fn hear(db: Db<'_>, since: i64, own: i64) -> Result<(i64, i64, Vec<News>), Stop<StoreError>> {
    let last = db.number(&LAST, &[]).await?.unwrap_or(0);
    if last <= since {
        // Less than was heard of: a database that has lost the last moment.
        return Ok((last, 0, Vec::new()));
    }
    let rows = db.all(&HEAR, &[&since, &PAGE]).await?;
    let (mut next, mut news) = (since, Vec::new());
    for row in &rows {
        next = row.try_get(0)?;
        if row.try_get::<_, i64>(1)? != own {
            let age = Duration::from_millis(u64::try_from(row.try_get::<_, i64>(3)?).unwrap_or(0));
            news.push(News { age, message: row.try_get(2)? });
        }
    }
    let count = i64::try_from(rows.len()).unwrap_or(PAGE);
    // All that is left is too old.
    Ok((if count < PAGE { next.max(last) } else { next }, count, news))
}
