//! `backup`: the database as it is at one moment, in one file, beside a running server or without one.
//!
//! The file is there under its name as a whole, checked and on disk, or not at all.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use appmixer_core::write_only_keys;
use appmixer_store::{Contents, SecretFile, back_up, examine, leave_out, put_secrets};
use serde_json::json;

use super::draft::{Draft, folder_of};
use super::own_files;
use super::progress::{Progress, size};
use super::stop::unless_told;
use crate::cli::BackupArgs;
use crate::config::{Config, load};
use crate::database::no_database_at;
use crate::failure::Failure;
use crate::output::outln;
use crate::{logging, secret};

/// More than a secret's file has.
const LONGEST_SECRET: u64 = 4096;

pub(super) const PAGE_BYTES: u64 = 4096;

pub(crate) fn run(args: &BackupArgs) -> Result<(), Failure> {
    logging::start_for_command();
    let (config, _) = load(args.common.config.as_deref(), &args.common.overrides(None))?;
    let file = &args.file;
    own_files::refuse(&config, file)?;
    if !args.force && fs::symlink_metadata(file).is_ok() {
        return Err(is_there(file));
    }
    let database = config.sqlite_file("its own tools, as pg_dump, make backups of it")?;
    if !database.exists() {
        return Err(Failure::refused(no_database_at(&database)));
    }
    let secrets = secrets_of(&config)?;
    let inside = args.with_secrets.then(|| secrets.clone());
    let unusable = |error: io::Error| Failure::refused(format!("{}: {error}", file.display()));
    let draft = Draft::new_in(folder_of(file)).map_err(unusable)?;
    let is_in_data = config.is_data_folder(folder_of(file));
    let (path, progress) = (draft.path(), Progress::new(Some(1)));
    let (made, progress) = unless_told("nothing was backed up", move || {
        let made = copy(&database, &path, inside.as_deref(), &progress)?;
        Ok((made, progress))
    })?;
    if is_in_data {
        draft.give_to_owner_of(folder_of(file)).map_err(unusable)?;
    }
    draft.finish(file, args.force).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => is_there(file),
        _ => unusable(error),
    })?;
    let seconds = progress.seconds();
    drop(progress);
    let names: Vec<_> = secrets.iter().map(|(name, _)| name.as_str()).collect();
    if args.json {
        print_json(args, &made, &names);
    } else {
        print(args, &config, &made, &names, seconds);
    }
    Ok(())
}

fn is_there(file: &Path) -> Failure {
    Failure::refused(format!("{} is there already; --force replaces it", file.display()))
}

/// A backup, and the entries of the configuration that it has without their values.
struct Made {
    contents: Contents,
    left_out: Vec<String>,
}

/// `secrets` are the files to take in; without them, the secrets of the system configuration are left out too.
fn copy(
    database: &Path,
    path: &Path,
    secrets: Option<&[SecretFile]>,
    progress: &Progress,
) -> Result<Made, Failure> {
    let pages = if secrets.is_some() { path.to_owned() } else { path.with_extension("pages") };
    back_up(database, &pages, |copied| {
        let (done, of) = (copied.done * PAGE_BYTES, copied.of * PAGE_BYTES);
        progress.show_part(done, of, format!("{} of {} copied", size(done), size(of)));
    })?;
    let mut left_out = Vec::new();
    if let Some(files) = secrets {
        if !files.is_empty() {
            put_secrets(path, files)?;
        }
    } else {
        progress.show_waiting("leaving secrets out of the copy");
        left_out = leave_out(&pages, &write_only_keys().collect::<Vec<_>>(), path)?;
        fs::remove_file(&pages)?;
    }
    progress.show_waiting("checking the copy");
    Ok(Made { contents: examine(path, true)?, left_out })
}

/// The files of the data folder that the database is not whole without.
pub(super) fn secrets_of(config: &Config) -> Result<Vec<SecretFile>, Failure> {
    let mut files = Vec::new();
    for name in secret::FILES {
        if let Some(content) = read_secret(&config.data.join(name))? {
            files.push((name.to_owned(), content));
        }
    }
    Ok(files)
}

pub(super) fn read_secret(path: &PathBuf) -> Result<Option<Vec<u8>>, Failure> {
    let mut content = Vec::new();
    match File::open(path).and_then(|file| file.take(LONGEST_SECRET).read_to_end(&mut content)) {
        Ok(_) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::refused(format!("{}: {error}", path.display()))),
    }
}

fn print_json(args: &BackupArgs, made: &Made, secrets: &[&str]) {
    let inside: &[&str] = if args.with_secrets { secrets } else { &[] };
    outln!(
        "{}",
        json!({
            "file": args.file.display().to_string(),
            "users": made.contents.users,
            "schema": made.contents.schema,
            "bytes": made.contents.bytes,
            "secrets": inside,
            "leftOut": made.left_out,
        })
    );
}

fn print(args: &BackupArgs, config: &Config, made: &Made, secrets: &[&str], seconds: f64) {
    let Contents { users, schema, bytes } = made.contents;
    outln!("backed up  {users} users, schema version {schema}, {} in {seconds:.1} s", size(bytes));
    let files = if secrets.is_empty() { "no secret".to_owned() } else { secrets.join(", ") };
    if args.with_secrets {
        outln!(
            "inside     all of the database with the secrets of its configuration, and of the data folder: {files}"
        );
        outln!("           whoever reads the file can sign tokens: keep it as you keep those");
    } else {
        outln!(
            "inside     the database without secrets of the system configuration; users with password hashes"
        );
        if !made.left_out.is_empty() {
            outln!(
                "not inside {}: set them again after a restore, or use --with-secrets",
                made.left_out.join(", ")
            );
        }
        if !secrets.is_empty() {
            outln!("not inside {files} of the data folder, without which everybody is signed out after a");
            outln!("           restore elsewhere; keep a copy apart, or take them in with --with-secrets");
        }
    }
    if config.token.secret.is_some() {
        outln!("not inside token.secret, which the configuration has; keep a copy of that");
    } else {
        outln!("not inside the configuration (file and environment)");
    }
}
