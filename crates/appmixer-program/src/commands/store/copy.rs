//! `store copy`: everything that one database keeps, into another one, which then does what the first did.

use std::path::Path;

use appmixer_store::{Copy, CopyError, CopySource, CopyTarget, Sum, Verified};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::task::block_in_place;

use super::place;
use crate::cli::CopyArgs;
use crate::commands::own_files::{self, is_same_file};
use crate::commands::progress::Progress;
use crate::commands::stop::Stop;
use crate::commands::table::{Column, Table};
use crate::config::{Config, load};
use crate::database::{Database, file_exists, no_database_at};
use crate::failure::Failure;
use crate::output::{errln, outln};
use crate::{logging, secret};

/// What the bar counts in users.
const USERS: &str = "users";

const GO_ON: &str = "the same command goes on from here";

pub(super) fn run(args: &CopyArgs) -> Result<(), Failure> {
    logging::start_for_command();
    let (config, _) = load(args.common.config.as_deref(), &args.common.overrides(None))?;
    let from = match &args.from {
        Some(text) => place::read(&config, "--from", text)?,
        None => config.database()?,
    };
    if let Some(path) = from.file().filter(|path| args.from.is_none() && !file_exists(path)) {
        return Err(Failure::refused(no_database_at(path)));
    }
    let to = place::read(&config, "--to", &args.to)?;
    if let Some(path) = to.file() {
        own_files::refuse_as_database(&config, path)?;
        if from.file().is_some_and(|from| is_same_file(from, path)) {
            return Err(Failure::refused("--to: this is the database itself, which is copied"));
        }
    }
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(copy(args, &from, &to));
    // A page that is being read or written, on a thread of its own, need not be waited for.
    runtime.shutdown_background();
    let verified = outcome?;
    let differ: Vec<_> = verified.iter().filter(|part| !part.is_same()).map(|part| part.what).collect();
    if differ.is_empty() {
        if !args.json {
            tell_what_is_next(&config, &from, &to);
        }
        return Ok(());
    }
    Err(Failure::refused(format!(
        "the target has not what the source has ({}): one of them was changed meanwhile. It stays unfinished, and is \
         not served; copy into a new database",
        differ.join(", ")
    )))
}

async fn copy(args: &CopyArgs, from: &Database, to: &Database) -> Result<Vec<Verified>, Failure> {
    let mut stop = Stop::new()?;
    let begun = async {
        let source = source(from).await?;
        let is_new = !to.exists().await?;
        let target = target(to).await?;
        if is_new {
            to.report_creation();
        }
        Ok::<_, Failure>(Copy::begin(source, target).await?)
    };
    let mut copy = tokio::select! {
        biased;
        () = stop.told() => return Err(Failure::refused("interrupted; nothing was copied")),
        begun = begun => begun?,
    };
    let of: u64 = copy.parts().iter().map(|part| part.of).sum();
    let (there, users_there) = (done(&copy), users(&copy));
    let progress = Progress::new(Some(of));
    if there > 0 {
        progress.say(&format!("going on with a copy that has {there} of {of} rows"));
    }
    loop {
        let copied = tokio::select! {
            biased;
            () = stop.told() => Err(Failure::refused(format!("interrupted; {GO_ON}"))),
            more = copy.step() => more.map_err(failure),
        };
        match copied {
            Ok(true) => {
                let new = users(&copy) - users_there;
                let what = copy.part().map_or("", |part| part.what);
                let what = if what == USERS {
                    format!("users, {:.0} a second", progress.rate(new))
                } else {
                    what.to_owned()
                };
                progress.show_part(done(&copy), of, what);
            }
            Ok(false) => break,
            Err(failure) => {
                print_parts(&copy, args.json);
                return Err(failure);
            }
        }
    }
    let (seconds, rate) = (progress.seconds(), progress.rate(users(&copy) - users_there));
    let rows = done(&copy) - there;
    let show = |read| progress.show_part(read, of, "verifying".to_owned());
    let verified = tokio::select! {
        biased;
        () = stop.told() => Err(Failure::refused(format!("interrupted, not verified yet; {GO_ON}"))),
        verified = copy.verify(show) => verified.map_err(failure),
    }?;
    let both = progress.seconds();
    drop(progress);
    let summary = Summary { rows, seconds, rate, verifying: both - seconds };
    if args.json {
        print_json(&verified, &summary);
    } else {
        print(&verified, &summary);
    }
    Ok(verified)
}

async fn source(from: &Database) -> Result<CopySource, Failure> {
    let source = match from {
        Database::Sqlite(path) => block_in_place(|| CopySource::sqlite(path))?,
        Database::Postgres(options) => CopySource::postgres(options).await?,
    };
    warn("--from", source.others().await);
    Ok(source)
}

async fn target(to: &Database) -> Result<CopyTarget, Failure> {
    let target = match to {
        Database::Sqlite(path) => block_in_place(|| CopyTarget::sqlite(path))?,
        Database::Postgres(options) => CopyTarget::postgres(options).await?,
    };
    warn("--to", target.others().await);
    Ok(target)
}

/// Who has a file is known by its lock; here it can only be guessed.
fn warn(argument: &str, others: u64) {
    if others > 0 {
        errln!(
            "appmixer-server: servers, or commands, seem to have {others} connections to {argument}: stop them. \
             What they change now will be missing, and then the copy is refused in the end"
        );
    }
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Sqlite(error) => error.into(),
            CopyError::Postgres(error) => error.into(),
            other => Self::refused(other.to_string()),
        }
    }
}

/// Why a copy that has begun has ended.
fn failure(error: CopyError) -> Failure {
    match error {
        CopyError::Source(_) | CopyError::Target(_) => Failure::refused(format!("{error}; {GO_ON}")),
        other => other.into(),
    }
}

fn done(copy: &Copy) -> u64 {
    copy.parts().iter().map(|part| part.done).sum()
}

fn users(copy: &Copy) -> u64 {
    copy.parts().iter().filter(|part| part.what == USERS).map(|part| part.done).sum()
}

fn print_parts(copy: &Copy, as_json: bool) {
    for part in copy.parts() {
        if as_json {
            outln!("{}", json!({ "what": part.what, "copied": part.done, "of": part.of }));
        } else {
            outln!("{:<25} {} of {}", part.what, part.done, part.of);
        }
    }
}

struct Summary {
    rows: u64,
    seconds: f64,
    /// Users a second.
    rate: f64,
    verifying: f64,
}

fn print(verified: &[Verified], summary: &Summary) {
    let columns = [Column::whole("WHAT"), Column::whole("ROWS"), Column::whole("SHA-256"), Column::whole("")];
    let rows: Vec<_> = verified
        .iter()
        .flat_map(|part| {
            let row = |sum: &Sum, state: &str| {
                [part.what.to_owned(), sum.rows.to_string(), sum.sha256.clone(), state.to_owned()]
            };
            if part.is_same() {
                vec![row(&part.source, "the same")]
            } else {
                vec![row(&part.source, "of the source"), row(&part.target, "of the target")]
            }
        })
        .collect();
    // Whether the copies are the same is still to be reported: an output error must not come first.
    outln!("{}", Table::new(columns, "  ").text(&rows).trim_end());
    outln!(
        "copied {} rows in {:.1} s, {:.0} users a second; verified in {:.1} s",
        summary.rows,
        summary.seconds,
        summary.rate,
        summary.verifying
    );
}

fn print_json(verified: &[Verified], summary: &Summary) {
    let sum = |sum: &Sum| json!({ "rows": sum.rows, "sha256": sum.sha256 });
    let parts: Vec<Value> = verified
        .iter()
        .map(|part| {
            json!({
                "what": part.what,
                "same": part.is_same(),
                "source": sum(&part.source),
                "target": sum(&part.target),
            })
        })
        .collect();
    outln!(
        "{}",
        json!({
            "parts": parts,
            "same": verified.iter().all(Verified::is_same),
            "copied": summary.rows,
            "seconds": summary.seconds,
            "usersPerSecond": summary.rate,
            "verifyingSeconds": summary.verifying,
        })
    );
}

fn tell_what_is_next(config: &Config, from: &Database, to: &Database) {
    outln!("next: set store.url to the new database, keep token.secret as it is, and start the server");
    let (Database::Sqlite(_), Database::Postgres(_)) = (from, to) else { return };
    let [token, webhook] = secret::FILES.map(|name| config.data.join(name));
    if config.token.secret.is_none() && token.exists() {
        outln!("      servers on PostgreSQL need it given to them: token.secret_file = {}", quoted(&token));
    }
    if webhook.exists() {
        outln!("      webhooks were signed by {}: set WEBHOOK_SECRET of the system", quoted(&webhook));
        outln!("      configuration to what is in it, unless it is set");
    }
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}
