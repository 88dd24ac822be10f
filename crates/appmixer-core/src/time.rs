//! Points in time, and the clock that tells them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

const ISO_8601: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// 9999-12-31T23:59:59.999Z, the last moment that ISO 8601 writes with a four-digit year.
const LAST: i64 = 253_402_300_799_999;

/// The text or number is no point in time that a [`Timestamp`] can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be a time in ISO 8601 between 1970 and 9999, as 2026-01-31T08:15:30.123Z")]
pub struct InvalidTime;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z; between 1970 and 9999.
///
/// ```
/// use appmixer_core::Timestamp;
///
/// assert_eq!(Timestamp::from_millis(1_769_847_330_123).to_string(), "2026-01-31T08:15:30.123Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// This many milliseconds after 1970, brought into the type's range.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, LAST))
    }

    /// This many seconds after 1970 (a `NumericDate`, RFC 7519 section 2), brought into the type's range.
    #[must_use]
    pub fn from_seconds(seconds: u64) -> Self {
        Self(i64::try_from(seconds).unwrap_or(LAST).saturating_mul(1000).min(LAST))
    }

    /// Reads a time in the profile of ISO 8601 that RFC 3339 describes, with any offset. What is finer than a
    /// millisecond is left out.
    ///
    /// # Errors
    /// [`InvalidTime`], also for one that is out of the type's range.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTime)?;
        i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).map_err(|_| InvalidTime)?.try_into()
    }

    /// The moment so long before this one; 1970 at the earliest.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The moment so long after this one; the last of 9999 at the latest.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        (self.0 / 1000).unsigned_abs()
    }
}

impl TryFrom<i64> for Timestamp {
    type Error = InvalidTime;

    /// This many milliseconds after 1970, if in range.
    fn try_from(millis: i64) -> Result<Self, InvalidTime> {
        if (0..=LAST).contains(&millis) { Ok(Self(millis)) } else { Err(InvalidTime) }
    }
}

/// ISO 8601 in UTC with milliseconds (contract, "times").
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .map_err(|_| fmt::Error)?
            .format(ISO_8601)
            .map_err(|_| fmt::Error)?;
        f.pad(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Tells the time. A parameter everywhere, so that tests decide what time it is.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(LAST))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_written_with_milliseconds_and_z() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_seconds(1_552_492_609).to_string(), "2019-03-13T15:56:49.000Z");
    }

    #[test]
    fn times_out_of_range_are_brought_into_it_and_still_print() {
        assert_eq!(Timestamp::from_millis(-5).millis(), 0);
        assert_eq!(Timestamp::from_seconds(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn times_are_read_with_any_offset_and_to_the_millisecond() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-01-31T08:15:30.123Z", 1_769_847_330_123),
            ("2026-01-31T09:15:30.123999+01:00", 1_769_847_330_123),
            ("9999-12-31T23:59:59.999Z", LAST),
        ] {
            assert_eq!(Timestamp::parse(text).map(Timestamp::millis), Ok(millis), "{text}");
        }
        for text in ["", "2026-01-31", "1969-12-31T23:59:59.999Z", "2026-02-30T00:00:00Z", "1769847330123"] {
            assert_eq!(Timestamp::parse(text), Err(InvalidTime), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_time_survives_its_text(millis in 0..=LAST) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = Timestamp::parse(&text);
        }
    }
}
