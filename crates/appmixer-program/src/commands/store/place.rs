//! Which database an argument means.

use std::env;
use std::path::Path;

use zeroize::Zeroizing;

use crate::config::{Config, read_line};
use crate::database::Database;
use crate::failure::Failure;
use crate::output::errln;

/// What stands before the name of a variable.
const VARIABLE: &str = "env:";

/// Reads `sqlite:PATH`, `postgres://…`, `@FILE` or `env:NAME`.
///
/// # Errors
/// It names no database: one line, which repeats nothing of a URL.
pub(super) fn read(config: &Config, argument: &str, text: &str) -> Result<Database, Failure> {
    let bad = |what: String| Failure::configuration(format!("{argument}: {what}"));
    let url = if let Some(path) = text.strip_prefix('@') {
        read_line(Path::new(path)).map_err(|why| bad(format!("{path}: {why}")))?
    } else if let Some(name) = text.strip_prefix(VARIABLE) {
        let value = env::var_os(name).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| bad(format!("the variable {name} is not set")))?;
        let value = value.into_string().map_err(|_| bad(format!("the variable {name} is not UTF-8")))?;
        Zeroizing::new(value)
    } else {
        if has_password(text) {
            errln!(
                "appmixer-server: {argument} shows a password to whoever looks at this machine's processes; \
                 @FILE and env:NAME do not"
            );
        }
        Zeroizing::new(text.to_owned())
    };
    config.store.database(&url).map_err(bad)
}

/// Whether there is one between the user and the host, or among the parameters.
fn has_password(url: &str) -> bool {
    let behind = url.split_once("://").map_or("", |(_, rest)| rest);
    let user = behind.rsplit_once('@').map_or("", |(user, _)| user);
    user.contains(':') || behind.contains("password=")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_database_is_named_by_an_argument_a_file_or_a_variable() {
        let config = Config::default();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        fs::write(&file, "postgres://joe:s3cret@db.example/x\n").unwrap();
        let of = |text: &str| read(&config, "--to", text);
        let at = of(&format!("@{}", file.display())).unwrap();
        assert!(
            matches!(at, Database::Postgres(options) if options.url == "postgres://joe:s3cret@db.example/x")
        );
        assert!(matches!(of("sqlite:a/b").unwrap(), Database::Sqlite(path) if path == Path::new("a/b")));
        for (wrong, told) in [
            ("env:APPMIXER_TEST_NOWHERE", "--to: the variable APPMIXER_TEST_NOWHERE is not set"),
            ("@/nowhere", "--to: /nowhere: No such file"),
            ("mysql://joe:s3cret@x", "--to: must begin with sqlite: or postgres://"),
            ("sqlite:", "--to: sqlite: names no file"),
        ] {
            let failure = of(wrong).err().unwrap();
            assert_eq!(failure.code(), 2);
            assert!(failure.to_string().starts_with(told), "{failure}");
            assert!(!failure.to_string().contains("s3cret"));
        }
    }

    #[test]
    fn a_password_is_seen_where_there_is_one() {
        for (url, expected) in [
            ("postgres://joe:s3cret@db/x", true),
            ("postgres://joe@db:5432/x?password=s3cret", true),
            ("postgres://joe@db:5432/x", false),
            ("sqlite:/a:b@c", false),
        ] {
            assert_eq!(has_password(url), expected, "{url}");
        }
    }
}
