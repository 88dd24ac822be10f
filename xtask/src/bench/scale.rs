//! What many times as many users cost: the same questions to a server with 10,000 users and to one with 1,000,000 or
//! more, in turns; and how fast those come in.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use appmixer_testbed::Postgres;

use super::client::Client;
use super::statistics::{median, millis};
use super::{Bench, Row, Running, SECRET, load};
use crate::process::root;
use crate::seed;

const FEW: u64 = 10_000;

/// How many users the table of all figures has.
const MANY: u64 = 1_000_000;

/// Each server answers each question under load for so long, so many times, in turns. Single requests would not do: on
/// two cores their times tell where the scheduler puts the threads.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(1);

/// Where the users are.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Sqlite,
    Postgres(&'a Postgres),
}

/// What PostgreSQL is given here: as much as an operator would give it on such a machine, and what makes 200 mean that
/// it is on disk left as it comes.
const POSTGRES: &[(&str, &str)] = &[
    ("shared_buffers", "4GB"),
    ("effective_cache_size", "16GB"),
    ("max_wal_size", "4GB"),
    ("maintenance_work_mem", "512MB"),
];

/// A server with so many users, and an administrator's token.
struct Populated {
    server: Running,
    token: String,
    users: u64,
    imported_in: f64,
    data: String,
    /// In PostgreSQL.
    url: Option<String>,
}

impl Populated {
    fn make(bench: &Bench, place: Place<'_>, users: u64) -> Result<Self> {
        let data = format!("users-{users}");
        let file: PathBuf = bench.folder.path().join(format!("{users}.jsonl"));
        // The build that is optimised: ten millions take the other one five minutes.
        let mut seed = Command::new(root().join("target/release/xtask"));
        let made = seed.args(["seed", "--users", &users.to_string()]).arg(&file).status()?;
        ensure!(made.success(), "the seed of {users} users: {made}");
        let url = match place {
            Place::Sqlite => None,
            Place::Postgres(postgres) => Some(postgres.database()),
        };
        let started = Instant::now();
        let mut import = Command::new(&bench.server);
        import.args(["user", "import"]).arg(&file).arg("--data").arg(bench.folder.path().join(&data));
        import.envs(settings(url.as_deref())).env("APPMIXER_TOKEN__SECRET", SECRET);
        let status = import.current_dir(bench.folder.path()).stdout(Stdio::null()).status()?;
        let imported_in = started.elapsed().as_secs_f64();
        ensure!(status.success(), "the import of {users} users: {status}");
        std::fs::remove_file(&file)?;
        if let (Place::Postgres(postgres), Some(url)) = (place, &url) {
            // What PostgreSQL does by itself a minute after so many rows have come.
            postgres.psql(url.rsplit('/').next().unwrap_or_default(), "VACUUM ANALYZE");
        }
        let server = bench.serve_with(&data, &settings(url.as_deref()))?;
        let token = Client::connect(&server.address)?.post("/user/auth", &sign_in()?)?.token()?;
        Ok(Self { server, token, users, imported_in, data, url })
    }

    /// What the users take on disk, in bytes.
    fn size(&self, bench: &Bench, place: Place<'_>) -> Result<u64> {
        match (place, &self.url) {
            (Place::Postgres(postgres), Some(url)) => {
                let name = url.rsplit('/').next().unwrap_or_default();
                Ok(postgres.psql(name, "SELECT pg_database_size(current_database())").parse()?)
            }
            _ => Ok(std::fs::metadata(bench.folder.path().join(&self.data).join("appmixer.sqlite"))?.len()),
        }
    }

    /// Answers a second over 64 connections.
    fn rate(&self, bench: &Bench, question: &Question) -> Result<f64> {
        let load = match question {
            Question::Get(path) => {
                // Two thirds of the way down, where the question says so.
                let path = path.replace("{deep}", &(self.users * 2 / 3).to_string());
                load::get(&self.server.address, &path, &self.token, ROUND)?
            }
            Question::SignIn => {
                let body = format!("'{}'", sign_in()?);
                load::post(bench.folder.path(), &self.server.address, "/user/auth", &body, 3 * ROUND)?
            }
        };
        Ok(load.per_second)
    }
}

fn settings(url: Option<&str>) -> Vec<(&str, &Path)> {
    url.map(|url| ("APPMIXER_STORE__URL", Path::new(url))).into_iter().collect()
}

/// The first of the seeded users is an administrator.
fn sign_in() -> Result<String> {
    let user = seed::first();
    let name = user["username"].as_str().context("the first user has no name")?;
    Ok(format!(r#"{{"username":"{name}","password":"abc321"}}"#))
}

enum Question {
    Get(&'static str),
    SignIn,
}

const QUESTIONS: &[(&str, Question)] = &[
    ("`GET /user`", Question::Get("/user")),
    ("`POST /user/auth`", Question::SignIn),
    ("`GET /users`: the first page", Question::Get("/users")),
    ("… a page two thirds down", Question::Get("/users?offset={deep}")),
    ("… the same by username", Question::Get("/users?sort=username:1&offset={deep}")),
    ("… `filter=plan:free`", Question::Get("/users?filter=plan:free")),
    ("… `pattern=`, one hit", Question::Get("/users?pattern=tanaka1@")),
    ("… `pattern=`, a miss", Question::Get("/users?pattern=nobody-here")),
    ("`GET /users/count`", Question::Get("/users/count")),
    ("… `filter=isActive:true`", Question::Get("/users/count?filter=isActive:true")),
];

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    compare(bench, Place::Sqlite, MANY)
}

/// The same in PostgreSQL, which is started for it.
pub(super) fn measure_postgres(bench: &Bench, users: u64) -> Result<Vec<Row>> {
    compare(bench, Place::Postgres(&Postgres::start_with(POSTGRES)), users)
}

pub(super) fn compare(bench: &Bench, place: Place<'_>, users: u64) -> Result<Vec<Row>> {
    let few = Populated::make(bench, place, FEW)?;
    let many = Populated::make(bench, place, users)?;
    let rate = users as f64 / many.imported_in;
    let number = grouped(users);
    let is_sqlite = matches!(place, Place::Sqlite);
    let mut rows = vec![Row {
        what: format!("`user import` of {number} users with hashes: users a second, all on disk"),
        against: "–".to_owned(),
        measured: format!("**{rate:.0}**"),
        goal: if is_sqlite { "≥ 50,000" } else { "–" },
        met: rate >= 50_000.0 || !is_sqlite,
    }];
    for (what, question) in QUESTIONS {
        let (mut with_few, mut with_many) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            with_few.push(few.rate(bench, question)?);
            with_many.push(many.rate(bench, question)?);
        }
        let (one, other) = (median(&with_few), median(&with_many));
        let ratio = one / other;
        rows.push(Row {
            what: (*what).to_owned(),
            against: format!("with 10,000 users: {one:.0} a second"),
            measured: format!("with {number}: {other:.0} a second; **{ratio:.2}** times as long each"),
            goal: "≤ 1.5",
            met: ratio <= 1.5,
        });
    }
    let resident = many.server.resident_kib()? as f64 / 1024.0;
    let size = many.size(bench, place)?;
    let Populated { server, data, url, .. } = many;
    drop(server);
    let started = Instant::now();
    drop(bench.serve_with(&data, &settings(url.as_deref()))?);
    let start = millis(started.elapsed());
    rows.push(Row {
        what: format!("{number} users: start until the first 200"),
        against: format!(
            "{} bytes a user on disk; {resident:.1} MiB resident after the questions above",
            size / users
        ),
        measured: format!("**{start:.1} ms**"),
        goal: "≤ 50 ms",
        met: start <= 50.0,
    });
    Ok(rows)
}

/// A number as people read it.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let texts = [5, 999, 1000, 10_000_000].map(grouped);
        assert_eq!(texts, ["5", "999", "1,000", "10,000,000"]);
    }
}
