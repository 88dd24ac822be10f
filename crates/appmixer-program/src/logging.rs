//! Log lines: text for people at a terminal, JSON for everything else. All to standard error.

use std::io::{self, IsTerminal as _};
use std::panic;

use appmixer_metrics::{Kind, Page};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use crate::config::{LogConfig, LogFormat};
use crate::process::float;

/// The most lines that wait to be written, a few megabytes. Whoever reads them may stop to: then the server goes on,
/// and lines are lost.
const MOST_WAITING: usize = 8192;

/// What the targets of our own crates begin with.
const OWN: &str = "appmixer";

/// The log of the server. When it goes, what waits is written, if that can be done within a second.
pub(crate) struct Log {
    lost: ErrorCounter,
    _writes: WorkerGuard,
}

/// Starts logging from a thread of its own; once a process.
pub(crate) fn start(config: &LogConfig) -> Log {
    let builder =
        NonBlockingBuilder::default().buffered_lines_limit(MOST_WAITING).lossy(true).thread_name("log");
    let (writer, guard) = builder.finish(io::stderr());
    let lost = writer.error_counter();
    install(config, BoxMakeWriter::new(writer));
    Log { lost, _writes: guard }
}

/// For commands: warnings alone, as text, and at once.
pub(crate) fn start_for_command() {
    let config = LogConfig { level: "warn".to_owned(), format: LogFormat::Text, access: false };
    install(&config, BoxMakeWriter::new(io::stderr));
}

impl Log {
    /// What writes how many lines were lost.
    pub(crate) fn source(&self) -> impl Fn(&mut Page) + Send + Sync + use<> {
        let lost = self.lost.clone();
        move |page| {
            page.family(
                "appmixer_log_lines_lost_total",
                Kind::Counter,
                "Lines of the log that nobody took in time.",
            )
            .sample(&[], float(lost.dropped_lines() as u64));
        }
    }
}

fn install(config: &LogConfig, writer: BoxMakeWriter) {
    let terminal = io::stderr().is_terminal();
    let json = match config.format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let level = targets(config);
    // A line that cannot be written is lost. To complain about it on the same stream would panic.
    let layer = fmt::layer().with_writer(writer).log_internal_errors(false);
    let layer = if json {
        layer.json().flatten_event(true).with_current_span(false).boxed()
    } else {
        layer.with_ansi(terminal).with_target(false).boxed()
    };
    // Fails only where logging has been started before.
    let _ = registry().with(layer.with_filter(level)).try_init();
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a defect: the program panicked; please report it");
    }));
}

/// Which events are logged.
///
/// A level without a target is that of our own crates. Libraries log errors alone unless a target
/// names them: a client can have some of them write a line for every few bytes that it sends.
fn targets(config: &LogConfig) -> Targets {
    // The configuration was checked when it was loaded.
    let named: Targets = config.level.parse().unwrap_or_default();
    let own = named.default_level().unwrap_or(LevelFilter::OFF);
    let access = if config.access { LevelFilter::INFO } else { LevelFilter::OFF };
    Targets::new()
        .with_default(own.min(LevelFilter::ERROR))
        .with_target(OWN, own)
        .with_targets(named.iter().map(|(target, level)| (target.to_owned(), level)))
        .with_target("access", access)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn enables(level: &str, target: &str, event: Level) -> bool {
        let config = LogConfig { level: level.to_owned(), format: LogFormat::Json, access: false };
        targets(&config).would_enable(target, &event)
    }

    #[test]
    fn libraries_log_errors_alone_unless_a_target_names_them() {
        for library in
            ["h2", "h2::proto::ping_pong", "hyper", "hyper_util", "rustls", "tokio_postgres", "lettre"]
        {
            for level in ["info", "debug", "trace", "warn,appmixer_http=trace"] {
                assert!(!enables(level, library, Level::WARN), "{level}: {library}");
                assert!(enables(level, library, Level::ERROR), "{level}: {library}");
            }
            assert!(!enables("off", library, Level::ERROR));
        }
        assert!(enables("info,h2=debug", "h2::codec", Level::DEBUG));
        assert!(!enables("info,h2=debug", "hyper", Level::WARN));
        assert!(
            enables("h2=trace", "h2", Level::TRACE) && !enables("h2=trace", "appmixer_http", Level::ERROR)
        );
    }

    #[test]
    fn our_own_crates_log_at_the_level_that_is_set() {
        for own in ["appmixer_http::app", "appmixer_program::logging", "appmixer_gateway::route"] {
            assert!(enables("info", own, Level::INFO) && !enables("info", own, Level::DEBUG), "{own}");
            assert!(enables("warn,appmixer=debug", own, Level::DEBUG), "{own}");
        }
        assert!(enables("info,appmixer_http=trace", "appmixer_http::app", Level::TRACE));
        assert!(!enables("info,appmixer_http=trace", "appmixer_gateway", Level::TRACE));
        assert!(!enables("trace", "access", Level::INFO), "log.access switches it on");
    }
}
