//! Keeps what a program counts through the [`metrics`] facade, and writes it as Prometheus text.
//!
//! A [`Registry`] holds one number for each counter and gauge, and one for each bucket of a histogram. So memory
//! grows with the number of series alone, whether or not anybody scrapes; [`MAX_SERIES`] bounds that as well. What
//! is counted elsewhere, or is cheaper to ask for than to follow, comes from *sources*: functions that write to the
//! [`Page`] when somebody scrapes.
//!
//! ```
//! use appmixer_metrics::{Kind, Registry};
//!
//! let registry = Registry::new();
//! registry.add_source(|page| {
//!     page.family("queue_length", Kind::Gauge, "Jobs that wait.").sample(&[("queue", "mail")], 3.0);
//! });
//! // A program installs it for all threads, before it counts anything: registry.install()
//! metrics::with_local_recorder(&registry, || {
//!     metrics::describe_counter!("jobs_total", "Jobs that were done.");
//!     metrics::counter!("jobs_total", "outcome" => "ok").increment(2);
//! });
//! let text = registry.render();
//! assert!(text.contains("jobs_total{outcome=\"ok\"} 2\n"));
//! assert!(text.contains("queue_length{queue=\"mail\"} 3\n"));
//! ```
//!
//! # What it does not do
//!
//! - There is no socket: whoever serves the text serves it with [`CONTENT_TYPE`].
//! - There are no summaries and no expiry: a series that was there once is there until the end.

mod histogram;
mod page;
mod registry;

pub use histogram::{SECONDS, SIZES};
pub use page::{CONTENT_TYPE, Kind, Page};
pub use registry::{MAX_SERIES, Registry};
