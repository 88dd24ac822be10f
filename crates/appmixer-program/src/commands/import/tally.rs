//! What became of the records: counted, and told about.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use appmixer_core::{Imported, UserId};
use serde::Serialize;
use serde_json::{Value, json};

use super::source::{Chunk, Place};
use crate::commands::progress::Progress;
use crate::failure::Failure;
use crate::output::outln;

/// Lines about refused records at the terminal. The report has all.
const LINES: u64 = 20;

/// Names of members that are remembered as not taken over.
const NAMES: usize = 100;

#[derive(Default)]
pub(super) struct Tally {
    pub(super) read: u64,
    pub(super) inserted: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    pub(super) differs: u64,
    pub(super) refused: u64,
    pub(super) locked: u64,
    unknown: BTreeMap<String, u64>,
    report: Option<BufWriter<File>>,
}

/// A line of the report.
#[derive(Serialize)]
struct Entry<'a> {
    line: u64,
    outcome: &'static str,
    id: Option<UserId>,
    username: Option<&'a str>,
    reason: &'a str,
}

impl Tally {
    /// With a report into a new file, if asked for.
    pub(super) fn new(report: Option<&Path>) -> Result<Self, Failure> {
        let open = |path: &Path| {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            file.map_err(|error| Failure::refused(format!("--report {}: {error}", path.display())))
        };
        let report = report.map(open).transpose()?.map(BufWriter::new);
        Ok(Self { report, ..Self::default() })
    }

    /// The report's file, if there is one.
    pub(super) fn report(&self) -> Option<&File> {
        self.report.as_ref().map(BufWriter::get_ref)
    }

    pub(super) const fn has_report(&self) -> bool {
        self.report.is_some()
    }

    /// What was refused before it came to the store.
    pub(super) fn add_refused(&mut self, chunk: &Chunk, progress: &Progress) -> io::Result<()> {
        self.read += chunk.records() as u64;
        for (name, number) in &chunk.unknown {
            if let Some(known) = self.unknown.get_mut(name) {
                *known += number;
            } else if self.unknown.len() < NAMES {
                self.unknown.insert(name.clone(), *number);
            }
        }
        for (line, refusal) in &chunk.refused {
            let reason = refusal.reason.to_string();
            self.refuse(*line, refusal.id, refusal.username.as_deref(), &reason, progress)?;
        }
        Ok(())
    }

    /// What the store made of the rest.
    pub(super) fn add(&mut self, place: &Place, outcome: Imported, progress: &Progress) -> io::Result<()> {
        let Place { line, id, username, is_locked } = place;
        let username = username.as_deref();
        let taken = matches!(outcome, Imported::Inserted | Imported::Updated);
        if *is_locked && taken {
            self.locked += 1;
            let reason = "has no password hash that can be verified: a reset lets it sign in";
            self.note(&Entry { line: *line, outcome: "locked", id: Some(*id), username, reason })?;
        }
        match outcome {
            Imported::Inserted => self.inserted += 1,
            Imported::Updated => self.updated += 1,
            Imported::Unchanged => self.unchanged += 1,
            Imported::Differs => {
                self.differs += 1;
                let reason = "is there already with other content, which was kept";
                self.note(&Entry { line: *line, outcome: "differs", id: Some(*id), username, reason })?;
            }
            Imported::NameTaken => {
                self.refuse(*line, Some(*id), username, "another user has one of the names", progress)?;
            }
            Imported::LastAdmin => {
                let reason = "would take the last administrator away";
                self.refuse(*line, Some(*id), username, reason, progress)?;
            }
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        line: u64,
        id: Option<UserId>,
        username: Option<&str>,
        reason: &str,
        progress: &Progress,
    ) -> io::Result<()> {
        self.refused += 1;
        if self.refused <= LINES {
            progress.say(&format!("line {line}: {reason}"));
        } else if self.refused == LINES + 1 {
            progress.say("… and more; --report FILE has all");
        }
        self.note(&Entry { line, outcome: "refused", id, username, reason })
    }

    fn note(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let Some(report) = &mut self.report else { return Ok(()) };
        serde_json::to_writer(&mut *report, entry)?;
        report.write_all(b"\n")
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.report.as_mut().map_or(Ok(()), BufWriter::flush)
    }

    /// The figures, in the order in which they are shown.
    fn figures(&self) -> [(&'static str, u64); 7] {
        [
            ("read", self.read),
            ("inserted", self.inserted),
            ("updated", self.updated),
            ("unchanged", self.unchanged),
            ("differs", self.differs),
            ("refused", self.refused),
            ("locked", self.locked),
        ]
    }

    pub(super) fn print(&self, as_json: bool, dry_run: bool, progress: &Progress) {
        let (seconds, rate) = (progress.seconds(), progress.rate(self.read));
        if as_json {
            let mut summary: Value = self
                .figures()
                .into_iter()
                .map(|(name, number)| (name.to_owned(), Value::from(number)))
                .collect();
            summary["dryRun"] = dry_run.into();
            summary["notTakenOver"] = json!(self.unknown);
            summary["seconds"] = seconds.into();
            summary["perSecond"] = rate.into();
            outln!("{summary}");
            return;
        }
        if dry_run {
            outln!("a dry run: nothing was written");
        }
        for (name, number) in self.figures() {
            outln!("{name:<10} {number}");
        }
        outln!("{:<10} {seconds:.1}", "seconds");
        outln!("{:<10} {rate:.0}", "a second");
        for (name, number) in &self.unknown {
            // Whatever stands in a file, it stays on its line.
            outln!("not taken over: {} ({number} documents)", name.escape_debug());
        }
    }
}
