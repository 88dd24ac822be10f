//! `user export`: all users into a file, as `user import` reads them.
//!
//! The file has password hashes: it is its owner's alone, and is there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use appmixer_core::{Context, UserQuery};
use appmixer_store::{Folder, Role};
use appmixer_transfer::write_user;
use tempfile::NamedTempFile;

use super::draft::folder_of;
use super::own_files;
use super::progress::Progress;
use super::stop::Stop;
use super::{beside, beside_with};
use crate::cli::Common;
use crate::config::Config;
use crate::database::IfMissing;
use crate::failure::Failure;
use crate::output;

/// Users that are read at once.
const PAGE: u32 = 1000;

pub(super) fn run(file: &Path, force: bool, common: &Common) -> Result<(), Failure> {
    if file == Path::new("-") {
        return beside(common, async |_, ctx| {
            write(ctx, io::stdout().lock(), |error| output_failure(&error)).await
        });
    }
    let checked = |config: &Config| {
        own_files::refuse(config, file)?;
        if !force && fs::symlink_metadata(file).is_ok() {
            return Err(is_there(file));
        }
        Ok((config.rules(), ()))
    };
    let how = (Role::Beside, IfMissing::Refuse);
    beside_with(common, how, checked, async |config, ctx, ()| {
        let unusable = |error: io::Error| Failure::refused(format!("{}: {error}", file.display()));
        let folder = folder_of(file);
        // Of mode 0600. When this ends before its time, it is gone.
        let unfinished = NamedTempFile::with_prefix_in(".export-", folder).map_err(unusable)?;
        if config.is_data_folder(folder) {
            Folder::open(folder).and_then(|folder| folder.adopt(unfinished.as_file())).map_err(unusable)?;
        }
        write(ctx, unfinished.as_file(), unusable).await?;
        unfinished.as_file().sync_all().map_err(unusable)?;
        let outcome = if force { unfinished.persist(file) } else { unfinished.persist_noclobber(file) };
        outcome.map_err(|error| match error.error {
            error if error.kind() == io::ErrorKind::AlreadyExists => is_there(file),
            error => unusable(error),
        })?;
        // The name, too.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(unusable)
    })
}

fn is_there(file: &Path) -> Failure {
    Failure::refused(format!("{} is there already; --force replaces it", file.display()))
}

/// A reader that has gone has not got all users: then this is not done.
fn output_failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::no(),
        _ => output::failure(error),
    }
}

async fn write(ctx: &Context, to: impl Write, failed: impl Fn(io::Error) -> Failure) -> Result<(), Failure> {
    let mut to = BufWriter::with_capacity(256 * 1024, to);
    let mut stop = Stop::new()?;
    let progress = Progress::new(Some(ctx.store.count(UserQuery::default()).await?));
    let (mut last, mut written) = (None, 0);
    loop {
        let page = tokio::select! {
            biased;
            () = stop.told() => return Err(Failure::refused("interrupted; nothing was exported")),
            page = ctx.store.list(last, PAGE) => page?,
        };
        let Some(end) = page.last() else { break };
        last = Some(end.id);
        for user in &page {
            write_user(&mut to, user).map_err(&failed)?;
        }
        written += page.len() as u64;
        progress.show(written, written);
    }
    to.flush().map_err(&failed)?;
    let (seconds, rate) = (progress.seconds(), progress.rate(written));
    progress.say(&format!("exported {written} users in {seconds:.1} s, {rate:.0} a second"));
    Ok(())
}
