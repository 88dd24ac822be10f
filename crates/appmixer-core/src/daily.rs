//! What is counted of each day: sign-ups, sign-ins, and those that failed.

use std::fmt;
use std::ops::RangeInclusive;

use crate::audit::AuditKind;
use crate::audit_log::AuditLog;
use crate::store::StoreError;
use crate::time::Timestamp;

/// The most days that are told of at once: a year.
pub const MAX_DAYS: u32 = 366;

const MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A day in UTC, as its number since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day of this moment.
    #[must_use]
    pub const fn of(time: Timestamp) -> Self {
        Self(time.millis().div_euclid(MILLIS))
    }

    /// The day of this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Day {
    /// As ISO 8601 has it, `2026-01-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begins = Timestamp::from_millis(self.0.saturating_mul(MILLIS)).to_string();
        f.write_str(begins.split('T').next().unwrap_or_default())
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// Users who have signed in.
    SignIn,
    /// Attempts to.
    SignInFailed,
    /// Users who were made one by one; an import counts none.
    UserCreated,
}

impl Counted {
    /// All of it.
    pub const ALL: [Self; 3] = [Self::SignIn, Self::SignInFailed, Self::UserCreated];

    /// What an entry of this kind counts as, if it does.
    #[must_use]
    pub const fn of(kind: AuditKind) -> Option<Self> {
        match kind {
            AuditKind::SignIn => Some(Self::SignIn),
            AuditKind::SignInFailed => Some(Self::SignInFailed),
            AuditKind::UserCreated => Some(Self::UserCreated),
            _ => None,
        }
    }

    /// The kind of the entries.
    #[must_use]
    pub const fn kind(self) -> AuditKind {
        match self {
            Self::SignIn => AuditKind::SignIn,
            Self::SignInFailed => AuditKind::SignInFailed,
            Self::UserCreated => AuditKind::UserCreated,
        }
    }
}

/// A number that a store has kept of a day; there may be several for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// When.
    pub day: Day,
    /// What.
    pub counted: Counted,
    /// How often.
    pub number: u64,
}

/// All that is counted of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Daily {
    /// The day.
    pub day: Day,
    /// Users who were made one by one.
    pub sign_ups: u64,
    /// Users who have signed in.
    pub sign_ins: u64,
    /// Attempts to sign in that were refused.
    pub failures: u64,
}

/// The last so many days, today among them; oldest first, and each of them. 1 at least, and [`MAX_DAYS`] at most.
///
/// # Errors
/// [`StoreError`].
pub async fn daily(log: &dyn AuditLog, now: Timestamp, days: u32) -> Result<Vec<Daily>, StoreError> {
    let today = Day::of(now).number();
    let days = today + 1 - i64::from(days.clamp(1, MAX_DAYS))..=today;
    let counts = log.counts(Day(*days.start())..=Day(*days.end())).await?;
    Ok(sum(days, &counts))
}

fn sum(days: RangeInclusive<i64>, counts: &[Count]) -> Vec<Daily> {
    let first = *days.start();
    let nothing = |day| Daily { day: Day(day), sign_ups: 0, sign_ins: 0, failures: 0 };
    let mut all: Vec<_> = days.map(nothing).collect();
    for count in counts {
        let place = usize::try_from(count.day.number() - first).ok();
        let Some(daily) = place.and_then(|place| all.get_mut(place)) else { continue };
        let number = match count.counted {
            Counted::SignIn => &mut daily.sign_ins,
            Counted::SignInFailed => &mut daily.failures,
            Counted::UserCreated => &mut daily.sign_ups,
        };
        *number = number.saturating_add(count.number);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_date_in_utc() {
        for (time, number, shown) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01"),
            ("2026-01-31T23:59:59.999Z", 20_484, "2026-01-31"),
            ("2026-02-01T00:30:00+01:00", 20_484, "2026-01-31"),
            ("9999-12-31T23:59:59.999Z", 2_932_896, "9999-12-31"),
        ] {
            let day = Day::of(Timestamp::parse(time).unwrap());
            assert_eq!((day.number(), day.to_string().as_str()), (number, shown));
        }
    }

    #[test]
    fn every_day_is_there_once_and_what_is_counted_apart_is_added_up() {
        let count = |day, counted, number| Count { day: Day(day), counted, number };
        let counts = [
            count(9, Counted::SignIn, 5),
            count(7, Counted::SignInFailed, 1),
            count(9, Counted::SignIn, 2),
            count(9, Counted::UserCreated, 3),
            count(6, Counted::SignIn, 100),
            count(10, Counted::SignIn, 100),
        ];
        let day = |day, sign_ups, sign_ins, failures| Daily { day: Day(day), sign_ups, sign_ins, failures };
        assert_eq!(sum(7..=9, &counts), [day(7, 0, 0, 1), day(8, 0, 0, 0), day(9, 3, 7, 0)]);
    }

    #[test]
    fn what_is_counted_are_kinds_of_entries() {
        for kind in AuditKind::ALL {
            assert!(Counted::of(kind).is_none_or(|counted| counted.kind() == kind));
        }
        assert!(Counted::ALL.into_iter().all(|counted| Counted::of(counted.kind()) == Some(counted)));
    }
}
