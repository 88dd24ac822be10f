//! The bar that shows at a terminal how far a long command has come; elsewhere there is none.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::errln;

/// How often the bar moves although nothing has been done.
const TICK: Duration = Duration::from_millis(200);

pub(super) struct Progress {
    bar: ProgressBar,
    started: Instant,
}

impl Progress {
    /// `length` is what there is to do, in whatever unit, if that is known.
    pub(super) fn new(length: Option<u64>) -> Self {
        let (bar, template) = match length {
            Some(length) => (ProgressBar::new(length), "{wide_bar} {percent:>3} %  {msg}, {eta} left"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}, {elapsed}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self { bar, started: Instant::now() }
    }

    /// So much is done, and so many users of it.
    pub(super) fn show(&self, done: u64, users: u64) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(done);
        self.bar.set_message(format!("{users} users, {:.0} a second", self.rate(users)));
    }

    /// So much is done of so much, in whatever unit.
    pub(super) fn show_part(&self, done: u64, of: u64, message: String) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_length(of);
        self.bar.set_position(done);
        self.bar.set_message(message);
    }

    /// It goes on, and how far it has come cannot be told.
    pub(super) fn show_waiting(&self, message: &'static str) {
        self.bar.set_message(message);
    }

    /// A line to standard error, above the bar.
    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| errln!("{line}"));
    }

    pub(super) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// So many by now: how many that is in a second.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people needs no 52 bits")]
    pub(super) fn rate(&self, number: u64) -> f64 {
        number as f64 / self.seconds().max(0.001)
    }
}

/// Bytes for people.
#[expect(clippy::cast_precision_loss, reason = "a figure for people needs no 52 bits")]
pub(super) fn size(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
