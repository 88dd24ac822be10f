//! User ids in the MongoDB `ObjectId` layout.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::time::Timestamp;

const LENGTH: usize = 12;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// A user's id: 12 bytes, written as 24 lower-case hexadecimal digits (contract, "ids").
///
/// Ids sort by the second in which they were made.
///
/// ```
/// use appmixer_core::UserId;
///
/// let id: UserId = "5c88c7cc04a917256c726c3d".parse()?;
/// assert_eq!(id.to_string(), "5c88c7cc04a917256c726c3d");
/// assert!("5C88C7CC04A917256C726C3D".parse::<UserId>().is_err());
/// # Ok::<(), appmixer_core::InvalidId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId([u8; LENGTH]);

/// What an administrator gets for the deletion of a user, to ask what became of it; written like a user's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(UserId);

impl Ticket {
    /// The ticket with this id, which must be new.
    #[must_use]
    pub const fn new(id: UserId) -> Self {
        Self(id)
    }

    /// The ticket's bytes, as a store keeps them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; LENGTH] {
        self.0.as_bytes()
    }
}

impl FromStr for Ticket {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self)
    }
}

impl Serialize for Ticket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// The text is not an id of 24 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be 24 lower-case hexadecimal digits")]
pub struct InvalidId;

impl UserId {
    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// The id's bytes, as a store keeps them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits: &[u8; 2 * LENGTH] = text.as_bytes().try_into().map_err(|_| InvalidId)?;
        let mut bytes = [0; LENGTH];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

/// Upper case is refused, so that an id has one spelling only.
fn nibble(digit: u8) -> Result<u8, InvalidId> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidId),
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = String::with_capacity(2 * LENGTH);
        for byte in self.0 {
            digits.push(char::from(HEX[usize::from(byte >> 4)]));
            digits.push(char::from(HEX[usize::from(byte & 15)]));
        }
        f.pad(&digits)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({self})")
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Makes ids: the second, 5 bytes that tell processes apart, and a 3-byte counter.
///
/// One process makes 16,777,216 different ids in each second.
#[derive(Debug)]
pub struct IdGenerator {
    process: [u8; 5],
    counter: AtomicU32,
}

impl IdGenerator {
    /// A generator for this process. `seed` must be random: 5 bytes name the process, 3 start the counter.
    #[must_use]
    pub fn new(seed: [u8; 8]) -> Self {
        let [p0, p1, p2, p3, p4, c0, c1, c2] = seed;
        Self { process: [p0, p1, p2, p3, p4], counter: AtomicU32::new(u32::from_be_bytes([0, c0, c1, c2])) }
    }

    /// The next id at this time.
    pub fn next(&self, now: Timestamp) -> UserId {
        // The layout has 32 bits for the seconds: it wraps in 2106, as MongoDB's does.
        let [.., s0, s1, s2, s3] = now.seconds().to_be_bytes();
        let [_, c0, c1, c2] = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let [p0, p1, p2, p3, p4] = self.process;
        UserId([s0, s1, s2, s3, p0, p1, p2, p3, p4, c0, c1, c2])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_holds_second_process_and_counter_in_that_order() {
        let ids = IdGenerator::new([1, 2, 3, 4, 5, 0, 0, 9]);
        let id = ids.next(Timestamp::from_seconds(0x5c88_c7cc));
        assert_eq!(id.to_string(), "5c88c7cc0102030405000009");
    }

    #[test]
    fn ids_of_one_second_differ_across_the_counters_wrap() {
        let ids = IdGenerator::new([1, 2, 3, 4, 5, 0xff, 0xff, 0xf0]);
        let now = Timestamp::from_seconds(1);
        let made: HashSet<_> = (0..64).map(|_| ids.next(now)).collect();
        assert_eq!(made.len(), 64);
    }

    #[test]
    fn a_clock_that_goes_back_or_leaps_ahead_makes_no_id_twice() {
        let ids = IdGenerator::new([1, 2, 3, 4, 5, 0, 0, 0]);
        let clock = [1_000, 999, 1_000, u64::MAX, 0, 1_000, 999, u64::MAX, 1_001];
        let made: HashSet<_> =
            clock.iter().map(|second| ids.next(Timestamp::from_seconds(*second))).collect();
        assert_eq!(made.len(), clock.len());
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "5c88c7cc04a917256c726c3",
            "5c88c7cc04a917256c726c3dd",
            "5C88c7cc04a917256c726c3d",
            "5c88c7cc04a917256c726c3g",
            "é88c7cc04a917256c726c3d",
        ] {
            assert_eq!(text.parse::<UserId>(), Err(InvalidId), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_id_survives_its_text(bytes: [u8; 12]) {
            let id = UserId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<UserId>();
        }
    }
}
