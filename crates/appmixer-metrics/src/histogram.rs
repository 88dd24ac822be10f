//! Histograms: how many values were at most each bound, and their sum.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::HistogramFn;

/// The bounds of lengths of time, in seconds: from what a cached answer takes to what nobody waits for.
pub const SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The bounds of everything else that is put into a histogram: numbers of things.
pub const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

pub(crate) struct Buckets {
    pub(crate) bounds: &'static [f64],
    /// One more than there are bounds: the last one has what is beyond all of them.
    counts: Box<[AtomicU64]>,
    /// An `f64`, as its bits.
    sum: AtomicU64,
}

impl Buckets {
    pub(crate) fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// How many values are in each bucket, and their sum.
    pub(crate) fn read(&self) -> (Vec<u64>, f64) {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        (counts, f64::from_bits(self.sum.load(Ordering::Relaxed)))
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        // What is no number would make the sum none, for ever.
        if value.is_finite() {
            let bucket = self.bounds.partition_point(|bound| *bound < value);
            self.counts[bucket].fetch_add(1, Ordering::Relaxed);
            let add = |sum| Some((f64::from_bits(sum) + value).to_bits());
            let _ = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let buckets = Buckets::new(&[1.0, 2.0]);
        for value in [0.0, 1.0, 1.5, 2.0, 2.5, f64::NAN, f64::INFINITY] {
            buckets.record(value);
        }
        assert_eq!(buckets.read(), (vec![2, 2, 1], 7.0));
    }

    #[test]
    fn bounds_ascend() {
        for bounds in [SECONDS, SIZES] {
            assert!(bounds.is_sorted_by(|a, b| a < b));
        }
    }
}
