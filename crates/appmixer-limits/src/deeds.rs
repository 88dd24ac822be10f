//! What was seen of somebody, in few bytes, for other processes that count the same.
//!
//! A deed says what has happened and not what came of it. So processes that count at the same time lose nothing of each
//! other's, in whatever order they hear of it.

use std::mem;
use std::sync::{Mutex, PoisonError};

use crate::limiter::Limit;

/// The form, should there ever be another one: who does not know it counts nothing of it.
const FORM: u8 = 1;

/// A kind, a key and a number.
const BYTES: usize = 1 + 8 + 4;

/// The most that wait to be told. What comes on top is not told: who floods one process is limited by that one.
const MOST: usize = 65_536;

/// More at once there never is of an honest process.
const MOST_USES: u32 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) kind: Kind,
    pub(crate) key: u64,
    pub(crate) uses: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A network has used some of its quota.
    Network(Limit),
    /// The same of the site that a network belongs to.
    Site(Limit),
    /// Failed sign-ins of a network, and of a site, were none.
    NetworkBack,
    SiteBack,
    /// A wrong password for an account.
    Account,
    /// A code for an account.
    Code,
    /// A wrong password from a network that is unknown to the account, and from one that is known.
    Stranger,
    Acquaintance,
    /// Wrong passwords of a pair are forgotten.
    Forgiven,
    /// A network has shown an account's right password.
    Known,
}

impl Deed {
    pub(crate) const fn new(kind: Kind, key: u64, uses: u32) -> Self {
        Self { kind, key, uses }
    }

    fn write(self, message: &mut Vec<u8>) {
        message.push(self.kind.number());
        message.extend_from_slice(&self.key.to_le_bytes());
        message.extend_from_slice(&self.uses.to_le_bytes());
    }

    fn read(bytes: &[u8; BYTES]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (key, uses) = rest.split_first_chunk()?;
        let uses = u32::from_le_bytes(uses.try_into().ok()?).min(MOST_USES);
        Some(Self { kind: Kind::of(*kind)?, key: u64::from_le_bytes(*key), uses })
    }
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Self::Network(limit) => limit as u8,
            Self::Site(limit) => 16 + limit as u8,
            Self::NetworkBack => 32,
            Self::SiteBack => 33,
            Self::Account => 34,
            Self::Code => 35,
            Self::Stranger => 36,
            Self::Acquaintance => 37,
            Self::Forgiven => 38,
            Self::Known => 39,
        }
    }

    fn of(number: u8) -> Option<Self> {
        let limit = |number: u8| Limit::ALL.get(usize::from(number)).copied();
        Some(match number {
            0..16 => Self::Network(limit(number)?),
            16..32 => Self::Site(limit(number - 16)?),
            32 => Self::NetworkBack,
            33 => Self::SiteBack,
            34 => Self::Account,
            35 => Self::Code,
            36 => Self::Stranger,
            37 => Self::Acquaintance,
            38 => Self::Forgiven,
            39 => Self::Known,
            _ => return None,
        })
    }
}

/// Deeds of a message. What is none is passed over: a newer process may count more.
pub(crate) fn read(message: &[u8]) -> impl Iterator<Item = Deed> {
    let deeds = message.strip_prefix(&[FORM]).unwrap_or_default();
    deeds.as_chunks().0.iter().filter_map(Deed::read)
}

/// What waits to be told.
#[derive(Default)]
pub(crate) struct Untold(Mutex<Vec<Deed>>);

impl Untold {
    pub(crate) fn push(&self, deed: Deed) {
        let mut deeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if deeds.len() < MOST {
            deeds.push(deed);
        }
    }

    /// All of it as one message.
    pub(crate) fn take(&self) -> Option<Vec<u8>> {
        let deeds = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if deeds.is_empty() {
            return None;
        }
        let mut message = Vec::with_capacity(1 + deeds.len() * BYTES);
        message.push(FORM);
        for deed in deeds {
            deed.write(&mut message);
        }
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_told_is_what_is_read(seen in prop::collection::vec((0..=255_u8, any::<u64>(), 0..=MOST_USES), 0..50)) {
            let deeds: Vec<_> = seen
                .into_iter()
                .filter_map(|(kind, key, uses)| Some(Deed::new(Kind::of(kind)?, key, uses)))
                .collect();
            let untold = Untold::default();
            for deed in &deeds {
                untold.push(*deed);
            }
            let message = untold.take().unwrap_or_default();
            prop_assert_eq!(read(&message).collect::<Vec<_>>(), deeds);
            prop_assert_eq!(untold.take(), None);
        }

        #[test]
        fn no_message_panics_or_counts_for_more_than_it_can(message: Vec<u8>) {
            prop_assert!(read(&message).all(|deed| deed.uses <= MOST_USES));
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let untold = Untold::default();
        for key in 0..MOST as u64 + 10 {
            untold.push(Deed::new(Kind::Account, key, 1));
        }
        assert_eq!(read(&untold.take().unwrap()).count(), MOST);
    }
}
