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
    // The configuration was checked when it was loaded.
    let level: Targets = config.level.parse().unwrap_or_default();
    let access = if config.access { LevelFilter::INFO } else { LevelFilter::OFF };
    let level = level.with_target("access", access);
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
