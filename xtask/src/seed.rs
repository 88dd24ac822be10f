//! Made-up users for measurements: as many as asked for, the same each time, as `user import` reads them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde_json::{Value, json};

/// How the password of all of them, `abc321`, is hashed.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Hash {
    /// Argon2id with the server's default cost
    Argon2,
    /// bcrypt with a cost of 10, as Appmixer's users bring
    Bcrypt,
}

impl Hash {
    const fn phc(self) -> &'static str {
        match self {
            Self::Argon2 => {
                "$argon2id$v=19$m=19456,t=2,p=1$hKZhrRUcgNqEbWx1QEqnAQ$8BzO09s13eM45CpBrmel3KkA7bv0GNNRTK/WzeoLAVM"
            }
            Self::Bcrypt => "$2b$10$N9qo8uLOickgx2ZMRZoMyeHjG2hb3NQKaY7jw/EQFrpV/UPprXv.2",
        }
    }
}

const FIRST: [&str; 24] = [
    "joe",
    "ann",
    "jiri",
    "eva",
    "li",
    "maria",
    "omar",
    "chloé",
    "žofie",
    "lukas",
    "fatima",
    "noah",
    "ingrid",
    "pavel",
    "sara",
    "tomás",
    "yuki",
    "amina",
    "björn",
    "carla",
    "dmitri",
    "elif",
    "francesca",
    "george",
];
const LAST: [&str; 24] = [
    "smith", "novak", "garcia", "müller", "dvořák", "chen", "rossi", "kowalski", "nielsen", "haddad",
    "okafor", "tanaka", "silva", "dubois", "ivanov", "horvat", "jansen", "kaya", "lopez", "murphy", "nagy",
    "olsen", "patel", "virtanen",
];
const DOMAINS: [&str; 12] = [
    "acme",
    "example.com",
    "example.org",
    "mail.example",
    "globex.example",
    "initech.example",
    "umbrella.test",
    "hooli.test",
    "stark.test",
    "wayne.test",
    "tyrell.example",
    "cyberdyne.example",
];
const TOPICS: [&str; 8] = ["crm", "billing", "support", "marketing", "hr", "ops", "sales", "data"];

/// 2019-03-13T09:05:16Z: the second of the first id.
const BEGIN: u64 = 0x5c88_c7cc;

/// Writes so many users; `-` is standard output.
pub(crate) fn run(users: u64, file: &Path, hash: Hash) -> Result<()> {
    let to: Box<dyn Write> = if file == Path::new("-") {
        Box::new(io::stdout().lock())
    } else {
        Box::new(File::create(file).with_context(|| format!("{} cannot be written", file.display()))?)
    };
    let mut to = BufWriter::with_capacity(1 << 20, to);
    let mut dice = Dice(0);
    for number in 0..users {
        serde_json::to_writer(&mut to, &user(number, &mut dice, hash))?;
        to.write_all(b"\n")?;
    }
    Ok(to.flush()?)
}

/// The first of them, who is an administrator.
pub(crate) fn first() -> Value {
    user(0, &mut Dice(0), Hash::Argon2)
}

fn user(number: u64, dice: &mut Dice, hash: Hash) -> Value {
    // Some three users a minute, for years.
    let second = BEGIN + number * 20 + dice.below(20);
    let id = format!("{:08x}a1b2c3d4e5{:06x}", second & 0xffff_ffff, number & 0xff_ffff);
    let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
    let domain = dice.pick(&DOMAINS);
    let username = match dice.below(10) {
        // Embedding products make virtual users.
        0 | 1 => format!("{:x}-{number:x}@{domain}", dice.next() >> 16),
        2 => format!("{}{number}@{domain}", last.to_uppercase()),
        _ => format!("{first}.{last}{number}@{domain}"),
    };
    let email = match dice.below(4) {
        0 => format!("{last}-{number}@{}", dice.pick(&["post.example", "inbox.test"])),
        _ => username.clone(),
    };
    let mut scope = vec!["user".to_owned()];
    if number == 0 || dice.below(20_000) == 0 {
        scope.push("admin".to_owned());
    }
    if dice.below(4) == 0 {
        scope.push(format!("acme{}", dice.below(40)));
    }
    if dice.below(50) == 0 {
        scope.push((*dice.pick(&["developer", "tester", "private"])).to_owned());
    }
    let vendor = match dice.below(10) {
        0 => json!([dice.pick(&DOMAINS[4..]).split('.').next()]),
        _ => Value::Null,
    };
    let metadata = match dice.below(3) {
        0 => json!({}),
        1 => {
            json!({"tenant": format!("t{}", dice.below(5000)), "language": dice.pick(&["en", "cs", "de", "ja"])})
        }
        _ => json!({
            "topic": dice.pick(&TOPICS),
            "score": dice.below(1000) as f64 / 10.0,
            "tour": {"done": dice.below(2) == 0, "steps": [dice.below(9), dice.below(9)]},
        }),
    };
    let time = |second: u64, millis: u64| iso_8601(second, millis);
    let (created, modified) =
        (time(second, dice.below(1000)), time(second + dice.below(9_000_000), dice.below(1000)));
    json!({
        "id": id,
        "username": username,
        "email": email,
        "passwordHash": hash.phc(),
        "scope": scope,
        "plan": dice.pick(&["free", "free", "free", "beta", "subscription"]),
        "isActive": dice.below(5) > 0,
        "vendor": vendor,
        "allowedPrivateComponents": [],
        "phoneNumber": (dice.below(4) == 0).then(|| format!("+420 {:09}", dice.below(1_000_000_000))),
        "title": (dice.below(9) == 0).then_some("Dr."),
        "metadata": metadata,
        "created": created,
        "modified": modified,
        "generation": if dice.below(10) == 0 { dice.below(5) } else { 0 },
    })
}

/// Seconds since 1970 as a date (Howard Hinnant's `civil_from_days`) and time.
fn iso_8601(second: u64, millis: u64) -> String {
    let (days, rest) = (second / 86_400, second % 86_400);
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Numbers that look random and are the same each time (`SplitMix64`).
struct Dice(u64);

impl Dice {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        #[expect(clippy::cast_possible_truncation, reason = "below a slice's length")]
        &from[self.below(from.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_users_come_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let made = |name: &str| {
            let path = folder.path().join(name);
            run(500, &path, Hash::Argon2).unwrap();
            std::fs::read_to_string(path).unwrap()
        };
        let text = made("one");
        assert_eq!(text, made("other"));
        assert_eq!(text.lines().count(), 500);
        let names: std::collections::HashSet<_> = text.lines().map(|line| line.split('"').nth(7)).collect();
        assert_eq!(names.len(), 500);
    }

    #[test]
    fn times_are_what_the_calendar_says() {
        assert_eq!(iso_8601(BEGIN, 7), "2019-03-13T09:05:16.007Z");
        assert_eq!(iso_8601(951_782_400, 0), "2000-02-29T00:00:00.000Z");
    }
}
