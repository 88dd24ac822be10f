//! Counts requests: by route, method and status, and how long they took.
//!
//! A counter that all threads share would travel from core to core with every request. So each thread counts in a
//! shard of its own, and whoever scrapes adds them up. A route that nobody asks for has no memory.

use std::array;
use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use appmixer_metrics::{Kind, Page, SECONDS};
use http::{Method, StatusCode};

use crate::router::{RESOURCES, Resource};

/// What a method is told as, since a method is the client's own text.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "other"];

/// The statuses that are told one by one; any other is told as 0, and there is none.
const STATUSES: [u16; 28] = [
    0, 101, 200, 201, 204, 206, 301, 302, 304, 400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 422, 429,
    431, 500, 501, 502, 503, 504, 508,
];

/// What all paths that lead nowhere are told as.
const NOWHERE: &str = "none";

/// And those that lead to an upstream. More of these is told by the gateway itself.
const GATEWAY: &str = "gateway";

const BUCKETS: usize = SECONDS.len() + 1;
const ROUTES: usize = RESOURCES.len() + 2;

/// Where a path has led.
#[derive(Clone, Copy)]
pub(crate) enum Destination {
    Own(Resource),
    Gateway,
    Nowhere,
}

impl Destination {
    pub(crate) const fn of(resource: Option<Resource>, is_forwarded: bool) -> Self {
        match resource {
            Some(resource) => Self::Own(resource),
            None if is_forwarded => Self::Gateway,
            None => Self::Nowhere,
        }
    }

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        name(self.number())
    }

    const fn number(self) -> usize {
        match self {
            Self::Own(resource) => resource as usize,
            Self::Gateway => ROUTES - 2,
            Self::Nowhere => ROUTES - 1,
        }
    }
}

fn name(number: usize) -> &'static str {
    let own = RESOURCES.iter().find(|(_, resource)| *resource as usize == number);
    own.map_or(if number == ROUTES - 2 { GATEWAY } else { NOWHERE }, |(path, _)| *path)
}

/// What is counted of one route and method.
struct Cells {
    statuses: [AtomicU64; STATUSES.len()],
    buckets: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
}

struct Shard {
    routes: [OnceLock<Box<[Cells; METHODS.len()]>>; ROUTES],
    begun: AtomicU64,
    ended: AtomicU64,
    given_up: AtomicU64,
    remembered: AtomicU64,
}

/// All that is counted of requests.
pub(crate) struct Traffic {
    shards: Box<[Shard]>,
    /// Where nobody scrapes, only what [`Totals`] has is counted: each increment costs every request.
    is_scraped: bool,
}

/// What has been answered, whatever it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// How many of them were not answered for a reason of ours (5xx).
    pub(crate) failed: u64,
    /// How many there are of each length of time.
    buckets: [u64; BUCKETS],
}

/// A request that runs. Dropped without an answer, it was given up by its client.
pub(crate) struct Running<'a> {
    shard: &'a Shard,
    is_scraped: bool,
    answered: bool,
}

impl Traffic {
    pub(crate) fn new(is_scraped: bool) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let shard = |_| Shard {
            routes: array::from_fn(|_| OnceLock::new()),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            remembered: AtomicU64::new(0),
        };
        Self { shards: (0..cores).map(shard).collect(), is_scraped }
    }

    pub(crate) fn begin(&self) -> Running<'_> {
        let (shard, is_scraped) = (self.shard(), self.is_scraped);
        if is_scraped {
            add(&shard.begun, 1);
        }
        Running { shard, is_scraped, answered: false }
    }

    /// A token was good because it had been verified before.
    pub(crate) fn remembered(&self) {
        if self.is_scraped {
            add(&self.shard().remembered, 1);
        }
    }

    /// The shard of this thread; where there are more threads than shards, some share one.
    fn shard(&self) -> &Shard {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        let number = NUMBER.with(|number| {
            if number.get() == usize::MAX {
                number.set(NEXT.fetch_add(1, Ordering::Relaxed));
            }
            number.get()
        });
        &self.shards[number % self.shards.len()]
    }

    /// All that has been answered since the start.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let routes = self.shards.iter().flat_map(|shard| &shard.routes).filter_map(OnceLock::get);
        for cells in routes.flat_map(|methods| methods.iter()) {
            for (sum, count) in totals.buckets.iter_mut().zip(&cells.buckets) {
                *sum += count.load(Ordering::Relaxed);
            }
            let failed = STATUSES.iter().zip(&cells.statuses).filter(|(status, _)| **status >= 500);
            totals.failed += failed.map(|(_, count)| count.load(Ordering::Relaxed)).sum::<u64>();
        }
        totals
    }

    /// Writes all of it, added up.
    pub(crate) fn write(&self, page: &mut Page) {
        let of = |cell: fn(&Shard) -> &AtomicU64| {
            let values = self.shards.iter().map(|shard| cell(shard).load(Ordering::Relaxed));
            values.fold(0, u64::wrapping_add)
        };
        // What has ended first: whatever begins meanwhile must not be missing.
        let over = of(|shard| &shard.ended) + of(|shard| &shard.given_up);
        let begun = of(|shard| &shard.begun);
        page.family("appmixer_http_requests_in_flight", Kind::Gauge, "Requests that are being answered.")
            .sample(&[], float(begun.saturating_sub(over)));
        page.family(
            "appmixer_http_requests_given_up_total",
            Kind::Counter,
            "Requests whose client had gone before the answer was ready.",
        )
        .sample(&[], float(of(|shard| &shard.given_up)));
        page.family(
            "appmixer_tokens_remembered_total",
            Kind::Counter,
            "Tokens that were good because they had been verified before.",
        )
        .sample(&[], float(of(|shard| &shard.remembered)));
        // There from the start, for whoever divides by them.
        page.family(REQUESTS.0, Kind::Counter, REQUESTS.1);
        page.family(DURATION.0, Kind::Histogram, DURATION.1);
        for route in 0..ROUTES {
            for (number, method) in METHODS.iter().enumerate() {
                self.write_route(page, route, number, [("route", name(route)), ("method", method)]);
            }
        }
    }

    fn write_route(&self, page: &mut Page, route: usize, method: usize, labels: [(&str, &str); 2]) {
        let cells = || self.shards.iter().filter_map(|shard| Some(&shard.routes[route].get()?[method]));
        let sum = |cell: &dyn Fn(&Cells) -> &AtomicU64| {
            cells().map(|cells| cell(cells).load(Ordering::Relaxed)).sum::<u64>()
        };
        let mut any = false;
        for (place, status) in STATUSES.iter().enumerate() {
            let count = sum(&|cells| &cells.statuses[place]);
            if count > 0 {
                any = true;
                let labels = [labels[0], labels[1], ("status", &status.to_string())];
                page.family(REQUESTS.0, Kind::Counter, REQUESTS.1).sample(&labels, float(count));
            }
        }
        if any {
            let counts: Vec<_> = (0..BUCKETS).map(|place| sum(&|cells| &cells.buckets[place])).collect();
            let seconds = Duration::from_nanos(sum(&|cells| &cells.nanos)).as_secs_f64();
            page.family(DURATION.0, Kind::Histogram, DURATION.1)
                .histogram(&labels, SECONDS, &counts, seconds);
        }
    }
}

const REQUESTS: (&str, &str) = ("appmixer_http_requests_total", "Requests that were answered.");
const DURATION: (&str, &str) = (
    "appmixer_http_request_duration_seconds",
    "From a request's head to its answer's: the network's share is not in it.",
);

impl Totals {
    /// How many there are.
    pub(crate) fn answered(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// What has come since then.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let buckets = array::from_fn(|place| self.buckets[place].saturating_sub(earlier.buckets[place]));
        Self { failed: self.failed.saturating_sub(earlier.failed), buckets }
    }

    /// Both together.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let buckets = array::from_fn(|place| self.buckets[place] + other.buckets[place]);
        Self { failed: self.failed + other.failed, buckets }
    }

    /// In how many seconds so great a part of them was answered, as far as buckets tell: within one they are taken to
    /// be spread evenly. `None` where there are none.
    pub(crate) fn quantile(&self, part: f64) -> Option<f64> {
        let rank = float(self.answered()) * part;
        let mut below = 0.0;
        for (place, count) in self.buckets.iter().enumerate().filter(|(_, count)| **count > 0) {
            let count = float(*count);
            if below + count >= rank {
                let least = if place == 0 { 0.0 } else { SECONDS[place - 1] };
                // What is beyond the last bound is told as that.
                let most = SECONDS.get(place).copied().unwrap_or(least);
                return Some((most - least).mul_add((rank - below) / count, least));
            }
            below += count;
        }
        None
    }

    /// So many that were quick.
    #[cfg(test)]
    pub(crate) fn of(answered: u64, failed: u64) -> Self {
        let mut buckets = [0; BUCKETS];
        buckets[0] = answered;
        Self { failed, buckets }
    }
}

impl Running<'_> {
    /// It has got its answer.
    pub(crate) fn answered(
        mut self,
        destination: Destination,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        self.answered = true;
        let cells = self.shard.routes[destination.number()]
            .get_or_init(|| Box::new(array::from_fn(|_| Cells::new())));
        let cells = &cells[place_of(method)];
        let status = STATUSES.iter().position(|known| *known == status.as_u16()).unwrap_or(0);
        add(&cells.statuses[status], 1);
        let seconds = took.as_secs_f64();
        add(&cells.buckets[SECONDS.partition_point(|bound| *bound < seconds)], 1);
        if self.is_scraped {
            add(&cells.nanos, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            add(&self.shard.ended, 1);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.is_scraped && !self.answered {
            add(&self.shard.given_up, 1);
        }
    }
}

impl Cells {
    fn new() -> Self {
        Self {
            statuses: array::from_fn(|_| AtomicU64::new(0)),
            buckets: array::from_fn(|_| AtomicU64::new(0)),
            nanos: AtomicU64::new(0),
        }
    }
}

fn place_of(method: &Method) -> usize {
    METHODS.iter().position(|known| method == known).unwrap_or(METHODS.len() - 1)
}

fn add(cell: &AtomicU64, number: u64) {
    cell.fetch_add(number, Ordering::Relaxed);
}

/// Prometheus has no integers.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, and nobody counts further")]
const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(traffic: &Traffic) -> String {
        let mut page = Page::default();
        traffic.write(&mut page);
        page.to_string()
    }

    #[test]
    fn requests_of_all_threads_are_added_up() {
        let traffic = Traffic::new(true);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let took = Duration::from_micros(300);
                        traffic.begin().answered(
                            Destination::Own(Resource::User),
                            &Method::GET,
                            StatusCode::OK,
                            took,
                        );
                    }
                });
            }
        });
        let running = traffic.begin();
        let text_now = text(&traffic);
        for line in [
            r#"appmixer_http_requests_total{route="/user",method="GET",status="200"} 8000"#,
            r#"appmixer_http_request_duration_seconds_bucket{route="/user",method="GET",le="0.00025"} 0"#,
            r#"appmixer_http_request_duration_seconds_bucket{route="/user",method="GET",le="0.0005"} 8000"#,
            r#"appmixer_http_request_duration_seconds_sum{route="/user",method="GET"} 2.4"#,
            "appmixer_http_requests_in_flight 1",
        ] {
            assert!(text_now.lines().any(|there| there == line), "{line}\n{text_now}");
        }
        drop(running);
        let text_now = text(&traffic);
        assert!(text_now.contains("appmixer_http_requests_in_flight 0\n"), "{text_now}");
        assert!(text_now.contains("appmixer_http_requests_given_up_total 1\n"), "{text_now}");
    }

    #[test]
    fn where_nobody_scrapes_answers_are_counted_and_nothing_else() {
        let traffic = Traffic::new(false);
        drop(traffic.begin());
        traffic.remembered();
        traffic.begin().answered(
            Destination::Nowhere,
            &Method::GET,
            StatusCode::OK,
            Duration::from_millis(2),
        );
        assert_eq!(traffic.totals().answered(), 1);
        let shards = traffic.shards.iter();
        let counted = shards.map(|shard| [&shard.begun, &shard.ended, &shard.given_up, &shard.remembered]);
        assert!(counted.flatten().all(|cell| cell.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn quantiles_are_within_the_bucket_in_which_the_request_is() {
        let traffic = Traffic::new(true);
        assert_eq!((traffic.totals().answered(), traffic.totals().quantile(0.5)), (0, None));
        let answer = |status, millis, number| {
            for _ in 0..number {
                traffic.begin().answered(
                    Destination::Nowhere,
                    &Method::GET,
                    status,
                    Duration::from_millis(millis),
                );
            }
        };
        answer(StatusCode::OK, 2, 50);
        answer(StatusCode::NOT_FOUND, 20, 49);
        let before = traffic.totals();
        answer(StatusCode::SERVICE_UNAVAILABLE, 60_000, 1);
        let totals = traffic.totals();
        assert_eq!((totals.answered(), totals.failed), (100, 1));
        let quantile = |part| totals.quantile(part).unwrap();
        assert!((0.001..=0.0025).contains(&quantile(0.25)) && (0.001..=0.0025).contains(&quantile(0.5)));
        assert!((0.01..=0.025).contains(&quantile(0.51)) && (0.01..=0.025).contains(&quantile(0.99)));
        assert!((quantile(1.0) - 10.0).abs() < f64::EPSILON);
        let last = totals.since(&before);
        assert_eq!((last.answered(), last.failed), (1, 1));
        assert_eq!(before.and(&last), totals);
    }

    #[test]
    fn what_clients_make_up_has_one_place() {
        let traffic = Traffic::new(true);
        for number in 0..100 {
            let method = Method::from_bytes(format!("X{number}").as_bytes()).unwrap();
            let status = StatusCode::from_u16(600 + number).unwrap();
            traffic.begin().answered(Destination::Nowhere, &method, status, Duration::ZERO);
        }
        let text = text(&traffic);
        let line = r#"appmixer_http_requests_total{route="none",method="other",status="0"} 100"#;
        assert!(text.contains(line), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("appmixer_http_requests_total")).count(), 1);
    }

    #[test]
    fn every_resource_has_a_place_of_its_own() {
        let mut places: Vec<_> = RESOURCES.iter().map(|(_, resource)| *resource as usize).collect();
        places.sort_unstable();
        assert_eq!(places, (0..RESOURCES.len()).collect::<Vec<_>>());
        assert_eq!([Destination::Gateway.name(), Destination::Nowhere.name()], [GATEWAY, NOWHERE]);
    }
}
