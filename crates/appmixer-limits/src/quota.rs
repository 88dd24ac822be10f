//! How much of something there may be, and in what time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// The largest number of a quota: then there is a microsecond for each within the shortest period.
const MAX_COUNT: u32 = 1_000_000;

const SHORTEST: u64 = 1;
const LONGEST: u64 = 30 * 86_400;

/// So many in so much time, as in `100/1h`: that many at once, and then evenly one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    count: u32,
    seconds: u64,
}

/// The text is no quota.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no quota such as 20/1m or 100/1h: a number up to {MAX_COUNT}, a slash, and a time of 1s to 30d in s, m, h or d"
)]
pub struct InvalidQuota(String);

impl Quota {
    /// `count` in an hour.
    #[must_use]
    pub const fn hourly(count: u32) -> Self {
        Self { count, seconds: 3600 }
    }

    /// How many there are in the period, and at once.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// The time in which they all come back.
    #[must_use]
    pub const fn period(self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// The time in which one comes back, in microseconds.
    pub(crate) fn interval(self) -> u64 {
        self.seconds * 1_000_000 / u64::from(self.count)
    }

    /// The same for a network that holds many others: so many times as much.
    pub(crate) fn times(self, factor: u32) -> Self {
        Self { count: self.count.saturating_mul(factor).min(MAX_COUNT), ..self }
    }
}

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        parse(text).ok_or_else(|| InvalidQuota(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Quota> {
    let (count, period) = text.split_once('/')?;
    let (number, unit) = period.split_at_checked(period.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let count = digits(count)?.try_into().ok().filter(|count| (1..=MAX_COUNT).contains(count))?;
    let seconds = digits(number)?.checked_mul(unit)?;
    (SHORTEST..=LONGEST).contains(&seconds).then_some(Quota { count, seconds })
}

/// `parse` alone would take a sign.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
        let unit = units.iter().find(|(_, unit)| self.seconds.is_multiple_of(*unit));
        let (name, unit) = unit.copied().unwrap_or(("s", 1));
        write!(f, "{}/{}{name}", self.count, self.seconds / unit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotas_are_read_as_they_are_written() {
        for text in ["20/1m", "100/1h", "1/30d", "1000000/1s", "7/90s", "5/36h"] {
            assert_eq!(text.parse::<Quota>().unwrap().to_string(), text);
        }
        assert_eq!("10/3600s".parse::<Quota>().unwrap(), Quota::hourly(10));
    }

    #[test]
    fn what_is_no_quota_is_refused() {
        for text in [
            "",
            "/",
            "20",
            "20/",
            "20/m",
            "0/1m",
            "20/0m",
            "-1/1m",
            "+1/1m",
            "1/+1m",
            "1.5/1m",
            "20/1ms",
            "20/31d",
            "1000001/1s",
            "20 /1m",
            "20/1 m",
            "20/1w",
            "20/1\u{b5}",
            "99999999999999999999/1m",
            "1/9999999999999999999d",
        ] {
            assert_eq!(text.parse::<Quota>(), Err(InvalidQuota(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn every_quota_survives_its_text(count in 1..=MAX_COUNT, seconds in SHORTEST..=LONGEST) {
            let quota = Quota { count, seconds };
            prop_assert_eq!(quota.to_string().parse(), Ok(quota));
            prop_assert!(quota.interval() >= 1);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Quota>();
        }
    }
}
