//! The recorder: a number for each series.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use crate::histogram::{Buckets, SECONDS, SIZES};
use crate::page::{Kind, Page, number, render};

/// The most series that are kept. What comes later is not counted: a label whose values come from outside is a
/// mistake, and it must not fill the memory.
pub const MAX_SERIES: usize = 4096;

type Source = Box<dyn Fn(&mut Page) + Send + Sync>;

/// Everything that is counted. A copy is the same registry.
#[derive(Clone, Default)]
pub struct Registry(Arc<Inner>);

#[derive(Default)]
struct Inner {
    kept: Mutex<Kept>,
    sources: Mutex<Vec<Source>>,
}

#[derive(Default)]
struct Kept {
    help: BTreeMap<String, String>,
    /// By name, and then by the labels as they are written.
    families: BTreeMap<String, BTreeMap<String, Series>>,
    count: usize,
}

#[derive(Clone)]
enum Series {
    Counter(Arc<AtomicU64>),
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Buckets>),
}

impl Series {
    const fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Histogram(_) => Kind::Histogram,
        }
    }
}

impl Registry {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes it the one that the whole process counts with. Handles that were made before count nothing.
    ///
    /// Returns whether it was the first.
    #[must_use]
    pub fn install(&self) -> bool {
        metrics::set_global_recorder(self.clone()).is_ok()
    }

    /// Adds what is asked for at each scrape. It must not block.
    pub fn add_source(&self, source: impl Fn(&mut Page) + Send + Sync + 'static) {
        lock(&self.0.sources).push(Box::new(source));
    }

    /// All of it, as Prometheus text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = Page::default();
        {
            let kept = lock(&self.0.kept);
            for (name, series) in &kept.families {
                let Some(kind) = series.values().next().map(Series::kind) else {
                    continue;
                };
                let help = kept.help.get(name).map_or("", String::as_str);
                let family = page.family(name, kind, help);
                for (labels, series) in series {
                    match series {
                        Series::Counter(value) => {
                            family.line("", labels, number(value.load(Ordering::Acquire)));
                        }
                        Series::Gauge(value) => {
                            family.line("", labels, f64::from_bits(value.load(Ordering::Acquire)));
                        }
                        Series::Histogram(buckets) => {
                            let (counts, sum) = buckets.read();
                            family.buckets(labels, buckets.bounds, &counts, sum);
                        }
                    }
                }
            }
        }
        for source in &*lock(&self.0.sources) {
            source(&mut page);
        }
        page.to_string()
    }

    fn describe(&self, name: &KeyName, help: &SharedString) {
        lock(&self.0.kept).help.insert(name.as_str().to_owned(), help.to_string());
    }

    /// The series of this key, made if it is not there yet. `None`: there are too many, or the name is taken by
    /// another kind.
    fn series(&self, key: &Key, new: impl FnOnce() -> Series) -> Option<Series> {
        let labels: Vec<_> = key.labels().map(|label| (label.key(), label.value())).collect();
        let labels = render(&labels);
        let mut kept = lock(&self.0.kept);
        let has_room = kept.count < MAX_SERIES;
        let family = kept.families.entry(key.name().to_owned()).or_default();
        if let Some(series) = family.get(&labels) {
            return Some(series.clone());
        }
        let new = new();
        let other_kind = family.values().next().is_some_and(|first| first.kind() != new.kind());
        if !has_room || other_kind {
            return None;
        }
        family.insert(labels, new.clone());
        kept.count += 1;
        Some(new)
    }
}

impl Recorder for Registry {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.describe(&name, &help);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.describe(&name, &help);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.describe(&name, &help);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.series(key, || Series::Counter(Arc::default())) {
            Some(Series::Counter(value)) => Counter::from_arc(value),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.series(key, || Series::Gauge(Arc::default())) {
            Some(Series::Gauge(value)) => Gauge::from_arc(value),
            _ => Gauge::noop(),
        }
    }

    /// What ends in `_seconds` is a length of time, and everything else a number of things.
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let bounds = if key.name().ends_with("_seconds") { SECONDS } else { SIZES };
        match self.series(key, || Series::Histogram(Arc::new(Buckets::new(bounds)))) {
            Some(Series::Histogram(buckets)) => Histogram::from_arc(buckets),
            _ => Histogram::noop(),
        }
    }
}

/// Nothing that is done under these locks can leave anything half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use metrics::{counter, describe_histogram, gauge, histogram, with_local_recorder};

    use super::*;

    #[test]
    fn handles_of_one_series_count_together() {
        let registry = Registry::new();
        with_local_recorder(&registry, || {
            counter!("c", "a" => "1").increment(2);
            counter!("c", "a" => "1").increment(3);
            counter!("c", "a" => "2").increment(1);
            gauge!("g").set(1.5);
            gauge!("g").decrement(2.0);
        });
        let text = registry.render();
        assert_eq!(
            text,
            "# HELP c \n# TYPE c counter\nc{a=\"1\"} 5\nc{a=\"2\"} 1\n# HELP g \n# TYPE g gauge\ng -0.5\n"
        );
    }

    #[test]
    fn histograms_of_time_have_bounds_of_time() {
        let registry = Registry::new();
        with_local_recorder(&registry, || {
            describe_histogram!("wait_seconds", "How long.");
            histogram!("wait_seconds").record(0.0003);
            histogram!("group_size").record(3.0);
        });
        let text = registry.render();
        assert!(text.contains("# HELP wait_seconds How long.\n# TYPE wait_seconds histogram\n"), "{text}");
        for line in [
            "wait_seconds_bucket{le=\"0.00025\"} 0",
            "wait_seconds_bucket{le=\"0.0005\"} 1",
            "wait_seconds_sum 0.0003",
            "group_size_bucket{le=\"2\"} 0",
            "group_size_bucket{le=\"4\"} 1",
            "group_size_count 1",
        ] {
            assert!(text.lines().any(|there| there == line), "{line}: {text}");
        }
    }

    #[test]
    fn a_label_from_outside_does_not_fill_the_memory() {
        let registry = Registry::new();
        with_local_recorder(&registry, || {
            for number in 0..MAX_SERIES + 10 {
                counter!("c", "path" => number.to_string()).increment(1);
            }
        });
        assert_eq!(registry.render().lines().count(), MAX_SERIES + 2);
    }

    #[test]
    fn a_name_is_of_one_kind() {
        let registry = Registry::new();
        with_local_recorder(&registry, || {
            counter!("c").increment(1);
            gauge!("c").set(7.0);
            gauge!("c", "a" => "1").set(7.0);
        });
        assert_eq!(registry.render(), "# HELP c \n# TYPE c counter\nc 1\n");
    }
}
