//! Log lines: text for people at a terminal, JSON for everything else. All to standard error.

use std::io::{self, IsTerminal as _};
use std::panic;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use crate::config::{LogConfig, LogFormat};

/// Starts logging; once a process.
pub(crate) fn start(config: &LogConfig) {
    let terminal = io::stderr().is_terminal();
    let json = match config.format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    // The configuration was checked when it was loaded.
    let level: Targets = config.level.parse().unwrap_or_default();
    // A line that cannot be written is lost. To complain about it on the same stream would panic.
    let layer = fmt::layer().with_writer(io::stderr).log_internal_errors(false);
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

/// For commands: warnings alone, as text.
pub(crate) fn start_for_command() {
    start(&LogConfig { level: "warn".to_owned(), format: LogFormat::Text });
}
