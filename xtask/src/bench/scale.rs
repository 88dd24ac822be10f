//! What a hundred times as many users cost: the same questions to a server with 10,000 users and to one with
//! 1,000,000, in turns; and how fast those come in.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::client::Client;
use super::statistics::{median, millis};
use super::{Bench, Row, Running, load};
use crate::seed;

const FEW: u64 = 10_000;
const MANY: u64 = 1_000_000;

/// Each server answers each question under load for so long, so many times, in turns. Single requests would not do: on
/// two cores their times tell where the scheduler puts the threads.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(1);

/// A server with so many users, and an administrator's token.
struct Populated {
    server: Running,
    token: String,
    users: u64,
    imported_in: f64,
    data: &'static str,
}

impl Populated {
    fn make(bench: &Bench, data: &'static str, users: u64) -> Result<Self> {
        let file: PathBuf = bench.folder.join(format!("{users}.jsonl"));
        seed::run(users, &file, seed::Hash::Argon2)?;
        let started = Instant::now();
        let mut import = Command::new(&bench.server);
        import.args(["user", "import"]).arg(&file).arg("--data").arg(bench.folder.join(data));
        let status = import.current_dir(&bench.folder).stdout(Stdio::null()).status()?;
        let imported_in = started.elapsed().as_secs_f64();
        ensure!(status.success(), "the import of {users} users: {status}");
        std::fs::remove_file(&file)?;
        let server = bench.serve(data)?;
        let token = Client::connect(&server.address)?.post("/user/auth", &sign_in()?)?.token()?;
        Ok(Self { server, token, users, imported_in, data })
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
                load::post(&bench.folder, &self.server.address, "/user/auth", &body, 3 * ROUND)?
            }
        };
        Ok(load.per_second)
    }
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
    let few = Populated::make(bench, "few", FEW)?;
    let many = Populated::make(bench, "many", MANY)?;
    let rate = many.users as f64 / many.imported_in;
    let mut rows = vec![Row {
        what: "`user import` of 1,000,000 users with hashes: users a second, all on disk",
        against: "–".to_owned(),
        measured: format!("**{rate:.0}**"),
        goal: "≥ 50,000",
        met: rate >= 50_000.0,
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
            what,
            against: format!("with 10,000 users: {one:.0} a second"),
            measured: format!("with 1,000,000: {other:.0} a second; **{ratio:.2}** times as long each"),
            goal: "≤ 1.5",
            met: ratio <= 1.5,
        });
    }
    let (data, resident) = (many.data, many.server.resident_kib()? as f64 / 1024.0);
    drop(many);
    let started = Instant::now();
    drop(bench.serve(data)?);
    let start = millis(started.elapsed());
    let size = std::fs::metadata(bench.folder.join(data).join("appmixer.sqlite"))?.len();
    rows.push(Row {
        what: "1,000,000 users: start until the first 200",
        against: format!(
            "{} bytes a user on disk; {resident:.1} MiB resident after the questions above",
            size / MANY
        ),
        measured: format!("**{start:.1} ms**"),
        goal: "≤ 50 ms",
        met: start <= 50.0,
    });
    Ok(rows)
}
