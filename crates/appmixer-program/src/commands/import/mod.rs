//! `user import`: users from a file, into the database beside a running server or without one.
//!
//! Reading and checking go ahead on a thread of their own. What is written at once is little enough for the
//! server to get its turn, and is on disk before it is counted. Who is there already is skipped, so the same
//! command goes on where another one ended, however that was.

mod seen;
mod source;
mod tally;

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use appmixer_core::{
    AuditDetails, AuditEntry, AuditKind, Beside, Context, Existing, Imported, InvalidName, Turn, User,
};
use appmixer_store::{Folder, is_served};
use appmixer_transfer::{Format, ReadOptions, Reason, Refusal};
use tokio::sync::mpsc::Receiver;

use self::seen::Seen;
use self::source::{Chunk, Source};
use self::tally::Tally;
use super::draft::folder_of;
use super::own_files;
use super::progress::Progress;
use super::stop::Stop;
use super::{in_bulk_beside, operator};
use crate::cli::{ImportArgs, ImportFormat, WithoutPassword};
use crate::config::Config;
use crate::database::Database;
use crate::failure::Failure;

/// How long one write may take beside a server: nobody else can write meanwhile.
const TURN: Duration = Duration::from_millis(50);
/// How long others get for theirs.
const PAUSE: Duration = Duration::from_millis(3);
/// How long a write may take where there is no server: the more at once, the fewer pages are written twice.
const TURN_ALONE: Duration = Duration::from_millis(750);
/// Records in one write, at first and in any case.
const FIRST: usize = 1000;
const FEWEST: usize = 250;
const MOST: usize = 40_000;

pub(super) fn run(args: &ImportArgs) -> Result<(), Failure> {
    let source = Source::open(&args.file)?;
    let tally = |config: &Config| {
        if let Some(report) = &args.report {
            own_files::refuse(config, report)?;
        }
        Tally::new(args.report.as_deref())
    };
    in_bulk_beside(&args.common, tally, async |config, ctx, tally| {
        if let Some((path, file)) = args.report.as_deref().zip(tally.report())
            && config.is_data_folder(folder_of(path))
        {
            Folder::open(folder_of(path))?.adopt(file)?;
        }
        let options = read_options(config, args)?;
        let progress = Progress::new(source.length);
        let position = source.position.clone();
        let chunks = source.read(options, tally.has_report())?;
        let require_active = ctx.rules.require_active;
        let existing = if args.update { Existing::Replace { require_active } } else { Existing::Keep };
        let seen = args.dry_run.then(Seen::default);
        let database = config.database()?;
        let allow_invisible_names = args.allow_invisible_names;
        let mut import = Import { ctx, database, existing, allow_invisible_names, seen, tally, size: FIRST };
        let outcome = import
            .work(chunks, |tally| progress.show(position.load(Ordering::Relaxed), tally.read), &progress)
            .await;
        let outcome = match outcome {
            Ok(()) => import.settle(&progress).await,
            Err(failure) => Err(failure),
        };
        let outcome = outcome.and(import.note().await);
        import.tally.print(args.json, args.dry_run, &progress);
        outcome?;
        match import.tally.refused {
            0 => Ok(()),
            refused => {
                Err(Failure::refused(format!("{refused} of {} records were refused", import.tally.read)))
            }
        }
    })
}

fn read_options(config: &Config, args: &ImportArgs) -> Result<ReadOptions, Failure> {
    let format = args.format.map(|format| match format {
        ImportFormat::Own => Format::Own,
        ImportFormat::Mongo => Format::Mongo,
    });
    let locked = match args.without_password {
        WithoutPassword::Refuse => None,
        WithoutPassword::Lock => {
            let params =
                config.password.params().map_err(|error| Failure::configuration(error.to_string()))?;
            let hash = appmixer_password::locked(params);
            Some(hash.map_err(|error| Failure::refused(error.to_string()))?)
        }
    };
    Ok(ReadOptions { format, locked })
}

struct Import<'a> {
    ctx: &'a Context,
    database: Database,
    existing: Existing,
    allow_invisible_names: bool,
    /// Of a dry run.
    seen: Option<Seen>,
    tally: Tally,
    /// Records to be written at once.
    size: usize,
}

impl Import<'_> {
    async fn work(
        &mut self,
        mut chunks: Receiver<io::Result<Chunk>>,
        show: impl Fn(&Tally),
        progress: &Progress,
    ) -> Result<(), Failure> {
        let mut stop = Stop::new()?;
        let mut next = gather(&mut chunks, &mut stop, self.size).await;
        loop {
            let Gathered { batch, then } = next;
            let size = self.size;
            let written = self.write(batch, progress);
            // While one is written, the next is gathered.
            let following = async {
                if then == Then::More { Some(gather(&mut chunks, &mut stop, size).await) } else { None }
            };
            let (written, following) = tokio::join!(written, following);
            written?;
            show(&self.tally);
            next = match (then, following) {
                (Then::Failed(error), _) => {
                    return Err(Failure::refused(format!("the file cannot be read on: {error}")));
                }
                (Then::Stopped, _) => {
                    return Err(Failure::refused("interrupted; the same command goes on from here"));
                }
                (Then::More, Some(following)) => following,
                _ => return Ok(()),
            };
            if self.is_beside_a_server() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn write(&mut self, mut batch: Chunk, progress: &Progress) -> Result<(), Failure> {
        self.refuse_invisible_names(&mut batch).await?;
        self.tally.add_refused(&batch, progress)?;
        let (users, places) = (batch.users, batch.places);
        let started = Instant::now();
        let outcomes = match &mut self.seen {
            Some(seen) => {
                let stored = self.ctx.store.check_import(users.clone(), self.existing).await?;
                let both = users.iter().zip(stored);
                both.map(|(user, stored)| seen.outcome(user, self.existing, stored)).collect()
            }
            None => self.import(users, Beside::nothing()).await?,
        };
        self.adapt(started.elapsed(), outcomes.len());
        for (place, outcome) in places.iter().zip(outcomes) {
            self.tally.add(place, outcome, progress)?;
        }
        Ok(())
    }

    /// Moves the users who would be given a name with an invisible character to the refused records.
    async fn refuse_invisible_names(&self, batch: &mut Chunk) -> Result<(), Failure> {
        let has_invisible = |user: &User| user.names.invisible().next().is_some();
        if self.allow_invisible_names || !batch.users.iter().any(has_invisible) {
            return Ok(());
        }
        let (users, places) = (std::mem::take(&mut batch.users), std::mem::take(&mut batch.places));
        for (user, place) in users.into_iter().zip(places) {
            let Some(member) = self.new_invisible_name(&user).await? else {
                batch.users.push(user);
                batch.places.push(place);
                continue;
            };
            let why = format!("{}; --allow-invisible-names takes it over", InvalidName::InvisibleCharacter);
            let reason = Reason::Member { member, why };
            let refusal = Refusal { id: Some(place.id), username: place.username, reason };
            batch.refused.push((place.line, Box::new(refusal)));
        }
        Ok(())
    }

    /// The member with an invisible character that is no name of the stored user yet.
    async fn new_invisible_name(&self, user: &User) -> Result<Option<&'static str>, Failure> {
        if user.names.invisible().next().is_none() {
            return Ok(None);
        }
        let stored = self.ctx.store.find_by_id(user.id).await?;
        let mut new = user
            .names
            .invisible()
            .filter(|(_, name)| stored.as_ref().is_none_or(|stored| !stored.names.has(name)));
        Ok(new.next().map(|(member, _)| member))
    }

    async fn import(&self, users: Vec<User>, beside: Beside) -> Result<Vec<Imported>, Failure> {
        Ok(self.ctx.store.import(users, self.existing, self.ctx.clock.now(), beside).await?)
    }

    /// Puts in order what the users are found by, unless told to stop.
    async fn settle(&self, progress: &Progress) -> Result<(), Failure> {
        if self.seen.is_some() || self.tally.inserted == 0 {
            return Ok(());
        }
        progress.show_waiting("putting the index of names in order");
        let mut stop = Stop::new()?;
        let mut first = true;
        loop {
            let turn = if self.is_beside_a_server() { Turn::Short } else { Turn::Long };
            let more = tokio::select! {
                biased;
                () = stop.told() => return Ok(()),
                more = self.ctx.store.settle_import(self.tally.inserted, first, turn) => more?,
            };
            if !more {
                return Ok(());
            }
            first = false;
            if turn == Turn::Short {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// One entry in the audit log for all of it, however it ended.
    async fn note(&mut self) -> Result<(), Failure> {
        self.tally.flush()?;
        let taken = self.tally.inserted + self.tally.updated;
        if self.seen.is_none() && taken > 0 {
            let entry = AuditEntry::new(self.ctx.clock.now(), AuditKind::UsersImported, &operator());
            let entry = entry.with(AuditDetails::import(taken, self.tally.refused));
            self.import(Vec::new(), entry.into()).await?;
        }
        Ok(())
    }

    /// Whether somebody else's writes wait while this one writes.
    fn is_beside_a_server(&self) -> bool {
        self.database.file().is_some_and(is_served)
    }

    /// As many next time as should take one turn, but no more than twice as many.
    fn adapt(&mut self, took: Duration, users: usize) {
        let turn = if self.is_beside_a_server() { TURN } else { TURN_ALONE };
        let fits = u128::try_from(users).unwrap_or_default() * turn.as_micros() / took.as_micros().max(1);
        let fits = usize::try_from(fits).unwrap_or(MOST);
        self.size = fits.clamp(self.size / 2, self.size * 2).clamp(FEWEST, MOST);
    }
}

/// What was gathered for one write, and what comes then.
struct Gathered {
    batch: Chunk,
    then: Then,
}

#[derive(PartialEq, Eq)]
enum Then {
    More,
    End,
    Stopped,
    Failed(String),
}

/// Waits for so many records, the end of the file, good or bad, or to be told to stop.
async fn gather(chunks: &mut Receiver<io::Result<Chunk>>, stop: &mut Stop, size: usize) -> Gathered {
    let mut batch = Chunk::default();
    while batch.records() < size {
        let chunk = tokio::select! {
            biased;
            // What was gathered is left out: it is quickly read again.
            () = stop.told() => return Gathered { batch: Chunk::default(), then: Then::Stopped },
            chunk = chunks.recv() => chunk,
        };
        match chunk {
            Some(Ok(chunk)) => batch.append(chunk),
            Some(Err(error)) => return Gathered { batch, then: Then::Failed(error.to_string()) },
            None => return Gathered { batch, then: Then::End },
        }
    }
    Gathered { batch, then: Then::More }
}
