//! When a failed delivery is tried again: later each time, and not all at the same moment.

use std::time::Duration;

use ring::rand::{SecureRandom as _, SystemRandom};

/// The longest pause.
const LONGEST: Duration = Duration::from_mins(30);

/// The pause after this attempt (1 is the first): `first`, doubled for each attempt before, of which up to a
/// quarter is taken away at random.
pub(crate) fn pause(first: Duration, attempt: u32) -> Duration {
    let mut random = [0];
    // Without random bytes there is no jitter, and no harm.
    let _ = SystemRandom::new().fill(&mut random);
    with_jitter(first, attempt, random[0])
}

fn with_jitter(first: Duration, attempt: u32, random: u8) -> Duration {
    let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let whole = first.saturating_mul(doubled).min(LONGEST.max(first));
    whole.saturating_sub(whole / 1024 * u32::from(random))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_half_an_hour() {
        let seconds = |attempt| with_jitter(Duration::from_secs(10), attempt, 0).as_secs();
        assert_eq!([1, 2, 3, 8, 9, 1000].map(seconds), [10, 20, 40, 1280, 1800, 1800]);
    }

    proptest! {
        #[test]
        fn jitter_takes_at_most_a_quarter(first in 1_u64..10_000_000, attempt: u32, random: u8) {
            let first = Duration::from_millis(first);
            let (whole, pause) = (with_jitter(first, attempt, 0), with_jitter(first, attempt, random));
            prop_assert!(pause <= whole && pause >= whole * 3 / 4);
        }
    }
}
