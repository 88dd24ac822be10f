//! `restore`: a backup in the place of the database, while no server runs.
//!
//! Everything is checked on a copy inside the data folder before anything is changed; then one rename changes it.

use std::io;
use std::path::{Path, PathBuf};

use appmixer_core::{Clock as _, SystemClock, write_only_keys};
use appmixer_store::{
    Contents, Folder, SecretFile, Swap, back_up, examine, left_out, take_secrets, waiting_messages,
};

use super::backup::{PAGE_BYTES, read_secret};
use super::draft::{Draft, folder_of};
use super::own_files::is_same_file;
use super::progress::{Progress, size};
use super::stop::unless_told;
use crate::cli::RestoreArgs;
use crate::config::{Config, load};
use crate::database::Database;
use crate::failure::Failure;
use crate::output::outln;
use crate::{logging, prompt, secret};

pub(crate) fn run(args: &RestoreArgs) -> Result<(), Failure> {
    logging::start_for_command();
    let (config, _) = load(args.common.config.as_deref(), &args.common.overrides(None))?;
    let backup = examine(&args.file, false)?;
    let database = config.sqlite_file("its own tools, as pg_restore, put backups back")?;
    if is_same_file(&args.file, &database) {
        return Err(Failure::refused("this is the database itself"));
    }
    let swap = Swap::begin(&database)?;
    if !args.yes {
        ask(args, &backup, &database)?;
    }
    let unusable = |error: io::Error| Failure::refused(format!("{}: {error}", config.data.display()));
    let draft = Draft::new_in(&config.data).map_err(unusable)?;
    let (from, path, progress) = (args.file.clone(), draft.path(), Progress::new(Some(1)));
    let (contents, secrets) = unless_told("nothing was restored", move || copy(&from, &path, &progress))?;
    let secrets = Secrets::compare(&config, secrets)?;
    let (unset, waiting) =
        (left_out(&draft.path(), &write_only_keys().collect::<Vec<_>>())?, waiting_messages(&draft.path())?);

    // Secrets first: with them and without the database that needs them, nothing is lost.
    secrets.put(&config.data)?;
    draft.give_to_owner_of(folder_of(&database)).map_err(unusable)?;
    let aside = (!args.discard_old).then(|| aside(&database));
    let replaced = swap.finish(&draft.path(), aside.as_deref())?;
    if !replaced {
        Database::Sqlite(database).report_creation();
    }
    outln!("restored   {} users, schema version {}", contents.users, contents.schema);
    if let Some(aside) = aside.filter(|_| replaced) {
        outln!("kept       the old database as {}", aside.display());
    }
    secrets.print(&config);
    if !unset.is_empty() {
        outln!("set again  {}: a backup without --with-secrets does not have them", unset.join(", "));
        outln!(
            "           (appmixer-server config set KEY, or the console); until then they count as not set"
        );
    }
    if waiting > 0 && config.delivery.enabled {
        outln!(
            "waiting    {waiting} mails and webhooks, which the next start delivers; for a trial, start the server"
        );
        outln!("           with APPMIXER_DELIVERY__ENABLED=false");
    }
    Ok(())
}

fn ask(args: &RestoreArgs, backup: &Contents, database: &Path) -> Result<(), Failure> {
    let place = std::path::absolute(database).unwrap_or_else(|_| database.to_owned());
    let fate = if args.discard_old { "discards" } else { "keeps aside" };
    let change = match examine(database, false) {
        Ok(old) => {
            format!("replaces the database with {} users in {} ({fate} it)", old.users, place.display())
        }
        Err(_) if database.exists() => {
            format!("replaces the database in {}, which cannot be read ({fate} it)", place.display())
        }
        Err(_) => format!("creates a database, since there is none at {}", place.display()),
    };
    prompt::consent(&format!(
        "{} has {} users. Restoring it {change}. Go on?",
        args.file.display(),
        backup.users,
    ))
}

/// The same way as to a backup: what is beside the file, as a log, is in the copy too.
fn copy(from: &Path, path: &Path, progress: &Progress) -> Result<(Contents, Vec<SecretFile>), Failure> {
    back_up(from, path, |copied| {
        let (done, of) = (copied.done * PAGE_BYTES, copied.of * PAGE_BYTES);
        progress.show_part(done, of, format!("{} of {} copied", size(done), size(of)));
    })?;
    progress.show_waiting("checking the copy");
    let contents = examine(path, true)?;
    Ok((contents, take_secrets(path)?))
}

/// The name of the old database: with the time, so that none replaces another.
fn aside(database: &Path) -> PathBuf {
    let time = SystemClock.now().to_string().replace([':', '-'], "");
    let mut name = database.as_os_str().to_owned();
    name.push(format!(".{time}"));
    name.into()
}

/// What becomes of the files that were in the backup.
struct Secrets {
    /// There are none yet in the data folder.
    new: Vec<SecretFile>,
    /// The same are there.
    same: Vec<String>,
}

impl Secrets {
    /// Other ones in the data folder are never replaced: something may need them.
    fn compare(config: &Config, files: Vec<SecretFile>) -> Result<Self, Failure> {
        let mut secrets = Self { new: Vec::new(), same: Vec::new() };
        for (name, content) in files {
            if !secret::FILES.contains(&name.as_str()) {
                continue;
            }
            let path = config.data.join(&name);
            match read_secret(&path)? {
                None => secrets.new.push((name, content)),
                Some(there) if there.trim_ascii() == content.trim_ascii() => secrets.same.push(name),
                Some(_) => {
                    return Err(Failure::refused(format!(
                        "the backup has another {name} than {}; move that away first, if nothing needs it",
                        path.display()
                    )));
                }
            }
        }
        Ok(secrets)
    }

    fn put(&self, folder: &Path) -> Result<(), Failure> {
        for (name, content) in &self.new {
            let written = Folder::open(folder).and_then(|folder| folder.write_new(name, content));
            written.map_err(|error| Failure::refused(format!("{}: {error}", folder.join(name).display())))?;
        }
        Ok(())
    }

    fn print(&self, config: &Config) {
        if !self.new.is_empty() {
            let names: Vec<_> = self.new.iter().map(|(name, _)| name.as_str()).collect();
            outln!("put        into the data folder: {}", names.join(", "));
        }
        if !self.same.is_empty() {
            outln!("the same   as in the backup: {}", self.same.join(", "));
        }
        if config.token.secret.is_none() && !config.data.join(secret::FILES[0]).exists() {
            outln!(
                "missing    {}, in the backup and in the data folder: put yours there before",
                secret::FILES[0]
            );
            outln!("           the next start, which makes a new one otherwise, and signs everybody out");
        }
    }
}
