//! Medians, and how sure one can be of them.

use std::time::Duration;

pub(super) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this part of all values is.
pub(super) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = ((sorted.len().max(1) - 1) as f64 * part).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The interval that holds the difference of two medians with 95 % confidence (bootstrap of 2,000).
pub(super) fn difference_of_medians(one: &[f64], other: &[f64]) -> (f64, f64) {
    // Any sequence without a pattern will do, and the same one each time is easier to trust.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut resample = |values: &[f64]| -> f64 {
        let drawn: Vec<f64> = values
            .iter()
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                values[usize::try_from(state % values.len() as u64).unwrap_or(0)]
            })
            .collect();
        median(&drawn)
    };
    let differences: Vec<f64> = (0..2000).map(|_| resample(one) - resample(other)).collect();
    (quantile(&differences, 0.025), quantile(&differences, 0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_samples_have_a_difference_around_nothing_and_unequal_ones_do_not() {
        let one: Vec<f64> = (0..100).map(f64::from).collect();
        let (low, high) = difference_of_medians(&one, &one);
        assert!(low < 0.0 && high > 0.0);
        let shifted: Vec<f64> = one.iter().map(|value| value + 100.0).collect();
        assert!(difference_of_medians(&shifted, &one).0 > 0.0);
        assert!((quantile(&one, 0.99) - 98.0).abs() < 1.1);
    }
}
