//! Looks at the folder again and again, and serves the last catalogue that was whole.

use std::collections::HashSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use thiserror::Error;
use tokio::sync::watch;

use crate::catalog::Catalog;
use crate::limits::Limits;
use crate::load::load;
use crate::look::{Look, Problem};

/// The time between two looks, at least.
const PAUSE: Duration = Duration::from_secs(1);
/// The same at most.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// So many times as long as a look took is the pause after it: half a percent of one core.
const IDLE_SHARE: u32 = 200;
/// A folder that has changed is read once it has been quiet for so long…
const QUIET: Duration = Duration::from_millis(150);
/// … or after so long, when it never is.
const MOST_UNREST: Duration = Duration::from_secs(5);
/// File systems tell times in steps. A file that changed so short a time before it was read may have changed
/// within the same step afterwards, in seconds.
const COARSEST_STEP: u64 = 2;
/// The most problems that one reading puts into the log.
const MOST_TOLD: usize = 100;

/// The apps of a folder, as they are now. Clones share them; the last one to go ends the watching.
#[derive(Clone)]
pub struct Apps {
    current: watch::Receiver<Option<Arc<Catalog>>>,
    /// Ends the watching when it goes. None where nothing is watched.
    _watching: Option<Arc<mpsc::SyncSender<()>>>,
}

/// The watching could not begin.
#[derive(Debug, Error)]
#[error("cannot start the thread that watches the folder of apps: {0}")]
pub struct WatchError(#[from] io::Error);

impl Apps {
    /// No apps at all.
    #[must_use]
    pub fn none() -> Self {
        let (_, current) = watch::channel(Some(Arc::default()));
        Self { current, _watching: None }
    }

    /// Begins to read and watch a folder, from a thread of its own. The folder need not be there yet.
    ///
    /// # Errors
    /// [`WatchError`].
    pub fn watch(folder: PathBuf, limits: Limits) -> Result<Self, WatchError> {
        let (serve, current) = watch::channel(None);
        let (watching, told_to_stop) = mpsc::sync_channel(1);
        let mut watcher = Watcher {
            folder,
            limits,
            serve,
            shown: None,
            unsettled: false,
            told: HashSet::new(),
            last_took: Duration::ZERO,
            out_of_reach: None,
        };
        thread::Builder::new().name("apps".to_owned()).spawn(move || watcher.run(&told_to_stop))?;
        Ok(Self { current, _watching: Some(Arc::new(watching)) })
    }

    /// The catalogue, as soon as the folder has been read for the first time.
    pub async fn ready(&self) -> Arc<Catalog> {
        if let Some(catalog) = &*self.current.borrow() {
            return Arc::clone(catalog);
        }
        let mut current = self.current.clone();
        let first = current.wait_for(Option::is_some).await;
        first.ok().and_then(|catalog| catalog.clone()).unwrap_or_default()
    }
}

struct Watcher {
    folder: PathBuf,
    limits: Limits,
    serve: watch::Sender<Option<Arc<Catalog>>>,
    /// What the folder looked like when it was last read.
    shown: Option<u64>,
    /// Whether it may have changed since without looking different.
    unsettled: bool,
    /// What the log has been told, as long as it is so.
    told: HashSet<Problem>,
    /// How long the last look took.
    last_took: Duration,
    /// Why the folder itself cannot be read, as the log has been told.
    out_of_reach: Option<String>,
}

impl Watcher {
    fn run(&mut self, told_to_stop: &Receiver<()>) {
        loop {
            if catch_unwind(AssertUnwindSafe(|| self.turn(told_to_stop))).is_err() {
                tracing::error!("reading the folder of apps panicked");
                self.serve_something();
            }
            let pause = self.last_took.saturating_mul(IDLE_SHARE).clamp(PAUSE, LONGEST_PAUSE);
            if told_to_stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn turn(&mut self, told_to_stop: &Receiver<()>) {
        let started = Instant::now();
        let look = Look::at(&self.folder, &self.limits);
        self.last_took = started.elapsed();
        let look = match look {
            Ok(look) => look,
            Err(error) => return self.cannot_look(error.to_string()),
        };
        self.out_of_reach = None;
        if self.shown == Some(look.fingerprint()) && !self.unsettled {
            return;
        }
        // The first reading does not wait: what was written at the same time is read again.
        let look = if self.shown.is_none() { Some(look) } else { self.quiet(look, told_to_stop) };
        if let Some(look) = look {
            self.read(&look);
        }
    }

    /// A look at the folder once it has stopped changing, so that what is half written is not read.
    fn quiet(&self, mut look: Look, told_to_stop: &Receiver<()>) -> Option<Look> {
        let started = Instant::now();
        while started.elapsed() < MOST_UNREST {
            if told_to_stop.recv_timeout(QUIET) != Err(RecvTimeoutError::Timeout) {
                return None;
            }
            let next = Look::at(&self.folder, &self.limits).ok()?;
            let same = next.fingerprint() == look.fingerprint();
            look = next;
            if same {
                break;
            }
        }
        Some(look)
    }

    fn read(&mut self, look: &Look) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let newest = u64::try_from(look.newest).unwrap_or(0);
        self.unsettled = now.abs_diff(newest) <= COARSEST_STEP;
        self.shown = Some(look.fingerprint());
        let (catalog, problems) = load(look, &self.limits);
        self.tell(problems);
        self.serve.send_if_modified(|current| {
            let differs = current.as_deref() != Some(&catalog);
            if differs {
                tracing::info!(
                    folder = %self.folder.display(),
                    apps = catalog.apps().len(),
                    components = catalog.components().len(),
                    "the apps were read"
                );
                *current = Some(Arc::new(catalog));
            }
            differs
        });
    }

    fn cannot_look(&mut self, reason: String) {
        if self.out_of_reach.as_ref() != Some(&reason) {
            tracing::warn!(folder = %self.folder.display(), reason, "the folder of apps cannot be read");
        }
        self.out_of_reach = Some(reason);
        self.serve_something();
    }

    /// What was read stays; where nothing was, there is nothing.
    fn serve_something(&self) {
        self.serve.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert_default();
            first
        });
    }

    /// Warns of what is new among the problems.
    fn tell(&mut self, problems: Vec<Problem>) {
        let new: Vec<_> = problems.iter().filter(|problem| !self.told.contains(problem)).collect();
        for problem in new.iter().take(MOST_TOLD) {
            tracing::warn!(path = problem.path, reason = problem.reason, "skipped in the folder of apps");
        }
        if let Some(more) = new.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
            tracing::warn!(more, "skipped in the folder of apps");
        }
        self.told = problems.into_iter().collect();
    }
}
