//! What `log.level` may say.

use tracing_subscriber::filter::LevelFilter;

const LEVELS: &str = "off, error, warn, info, debug or trace";

/// Checks a comma-separated list of `LEVEL` and `TARGET=LEVEL`.
///
/// `Targets` would take an unknown word for a target, of which everything is logged, and log nothing else.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(text: &str) -> Result<(), String> {
    text.split(',').try_for_each(|directive| {
        let (target, level) = match directive.split_once('=') {
            Some((target, level)) => (Some(target), level),
            None => (None, directive),
        };
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
        if target.is_some_and(|target| target.is_empty() || !target.chars().all(is_word)) {
            return Err(format!("`{directive}` names no target: a list looks like info,hyper=debug"));
        }
        // Numbers are levels too, for `LevelFilter`; nobody means them.
        let is_name = level.chars().all(|c| c.is_ascii_alphabetic()) && !level.is_empty();
        if is_name && level.parse::<LevelFilter>().is_ok() {
            return Ok(());
        }
        Err(format!("`{level}` is no level: use {LEVELS}, or a list such as info,hyper=debug"))
    })
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::filter::Targets;

    use super::*;

    #[test]
    fn what_is_accepted_is_a_filter_and_what_is_no_level_is_refused() {
        for good in ["off", "error", "warn", "info", "debug", "trace", "WARN", "info,hyper=debug", "a::b=off"]
        {
            check(good).unwrap();
            assert!(good.parse::<Targets>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "warning",
            "inf",
            "nope",
            "3",
            "info,",
            "info,hyper",
            "hyper=",
            "=info",
            "a=b=info",
            "a b=info",
        ] {
            let error = check(bad).unwrap_err();
            assert!(error.contains("info,hyper=debug"), "{bad}: {error}");
        }
    }
}
