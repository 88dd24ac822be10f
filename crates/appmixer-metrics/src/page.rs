//! Prometheus text, version 0.0.4: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// The media type of what a [`Registry`](crate::Registry) renders.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, but for a restart.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by how big they are.
    Histogram,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What is being written: families of metrics, in the order of their names.
#[derive(Default)]
pub struct Page {
    families: BTreeMap<String, Family>,
}

/// The series of one metric.
pub struct Family {
    name: String,
    kind: Kind,
    help: String,
    samples: String,
}

impl Page {
    /// The family of this name; the first call says what it is. Names are the program's own, and so valid.
    pub fn family(&mut self, name: &str, kind: Kind, help: &str) -> &mut Family {
        let name = name.to_owned();
        let (help, samples) = (help.to_owned(), String::new());
        self.families.entry(name.clone()).or_insert(Family { name, kind, help, samples })
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, family) in &self.families {
            let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
            writeln!(f, "# HELP {name} {help}\n# TYPE {name} {}", family.kind.as_str())?;
            f.write_str(&family.samples)?;
        }
        Ok(())
    }
}

impl Family {
    /// The value of the series with these labels.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.line("", &render(labels), value);
        self
    }

    /// A histogram of so many values in each bucket, which is one more than there are bounds, and their sum.
    pub fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        bounds: &[f64],
        counts: &[u64],
        sum: f64,
    ) -> &mut Self {
        self.buckets(&render(labels), bounds, counts, sum);
        self
    }

    pub(crate) fn buckets(&mut self, labels: &str, bounds: &[f64], counts: &[u64], sum: f64) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut total = 0;
        for (place, count) in counts.iter().enumerate() {
            total += count;
            let bound = bounds.get(place).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
            self.line("_bucket", &format!("{labels}{comma}le=\"{bound}\""), number(total));
        }
        self.line("_sum", labels, sum);
        self.line("_count", labels, number(total));
    }

    pub(crate) fn line(&mut self, suffix: &str, labels: &str, value: f64) {
        let (open, close) = if labels.is_empty() { ("", "") } else { ("{", "}") };
        let name = &self.name;
        // Writing to a string cannot fail. Infinity is told as Prometheus reads it.
        let _ = if value.is_infinite() {
            let sign = if value > 0.0 { '+' } else { '-' };
            writeln!(self.samples, "{name}{suffix}{open}{labels}{close} {sign}Inf")
        } else {
            writeln!(self.samples, "{name}{suffix}{open}{labels}{close} {value}")
        };
    }
}

/// Prometheus has no integers.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, and nobody counts further")]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}

/// `name="value",…`
pub(crate) fn render(labels: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        if !text.is_empty() {
            text.push(',');
        }
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(text, "{name}=\"{value}\"");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_line_or_a_label_is_escaped() {
        let mut page = Page::default();
        page.family("a", Kind::Gauge, "One\nline \\ \"or so\"").sample(&[("l", "\\ \" \n")], 0.5);
        let text = "# HELP a One\\nline \\\\ \"or so\"\n# TYPE a gauge\na{l=\"\\\\ \\\" \\n\"} 0.5\n";
        assert_eq!(page.to_string(), text);
    }

    #[test]
    fn buckets_count_all_that_is_at_most_their_bound() {
        let mut page = Page::default();
        page.family("t", Kind::Histogram, "").histogram(&[("r", "/")], &[0.001, 1.0], &[1, 0, 2], 9.25);
        let text = "# HELP t \n# TYPE t histogram\nt_bucket{r=\"/\",le=\"0.001\"} 1\nt_bucket{r=\"/\",le=\"1\"} 1\n\
                    t_bucket{r=\"/\",le=\"+Inf\"} 3\nt_sum{r=\"/\"} 9.25\nt_count{r=\"/\"} 3\n";
        assert_eq!(page.to_string(), text);
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        let mut page = Page::default();
        let family = page.family("n", Kind::Gauge, "");
        for value in [1e15, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.000_001] {
            family.sample(&[], value);
        }
        let text = page.to_string();
        let values: Vec<_> = text.lines().skip(2).map(|line| &line[2..]).collect();
        assert_eq!(values, ["1000000000000000", "+Inf", "-Inf", "NaN", "0.000001"]);
    }
}
