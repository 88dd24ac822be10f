//! The files that the server itself uses. No command writes its output to one of them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::draft::folder_of;
use crate::config::Config;
use crate::database::{Database, FILE};
use crate::failure::Failure;
use crate::secret;

/// What SQLite and the server store next to a database, by what is added to its name.
const COMPANIONS: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];

/// Refuses to write to a file that the server uses, or will use once it exists.
///
/// # Errors
/// Status 1, with the name of the file.
pub(super) fn refuse(config: &Config, file: &Path) -> Result<(), Failure> {
    let mut files = apart_from_databases(config);
    files.extend(databases(config));
    check(file, &files)
}

/// Refuses to create a database in the place of another file that the server uses. The configured database itself may
/// be the target of a copy.
///
/// # Errors
/// Status 1, with the name of the file.
pub(super) fn refuse_as_database(config: &Config, file: &Path) -> Result<(), Failure> {
    check(file, &apart_from_databases(config))
}

fn check(file: &Path, own: &[PathBuf]) -> Result<(), Failure> {
    if own.iter().any(|own| is_same_file(own, file)) {
        return Err(Failure::refused(format!("{} is a file of the server itself", file.display())));
    }
    Ok(())
}

/// Whether two paths lead to one file, or would lead to one if it existed.
pub(super) fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let place = |path: &Path| Some((identity(folder_of(path))?, path.file_name().map(OsStr::to_owned)?));
    let same = |one: Option<_>, other: Option<_>| one.is_some() && one == other;
    same(identity(one), identity(other)) || place(one).is_some_and(|one| place(other) == Some(one))
}

fn databases(config: &Config) -> Vec<PathBuf> {
    let configured = match config.database() {
        Ok(Database::Sqlite(path)) => Some(path),
        _ => None,
    };
    // The one in the data folder may be what PostgreSQL was filled from.
    let mut files: Vec<_> = configured.into_iter().chain([config.data.join(FILE)]).collect();
    // SQLite has its files where a symbolic link leads to.
    let real: Vec<_> = files.iter().filter_map(|file| fs::canonicalize(file).ok()).collect();
    files.extend(real);
    files
}

fn apart_from_databases(config: &Config) -> Vec<PathBuf> {
    let mut files: Vec<_> = secret::FILES.iter().map(|name| config.data.join(name)).collect();
    for database in databases(config) {
        files.extend(COMPANIONS.map(|companion| {
            let mut name = database.as_os_str().to_owned();
            name.push(companion);
            PathBuf::from(name)
        }));
    }
    let configured = [
        &config.listen_unix,
        &config.store.url_file,
        &config.store.ca_file,
        &config.token.secret_file,
        &config.token.previous_secrets_file,
        &config.password.refused_file,
        &config.tls.certificate,
        &config.tls.key,
        &config.gateway.ca_file,
        &config.delivery.ca_file,
    ];
    files.extend(configured.into_iter().flatten().cloned());
    files
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_of_the_server_is_refused_by_every_name_that_it_has_or_will_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("data/inner")).unwrap();
        fs::create_dir(path("elsewhere")).unwrap();
        fs::write(path("elsewhere/real.sqlite"), "").unwrap();
        symlink(path("elsewhere/real.sqlite"), path("data/appmixer.sqlite")).unwrap();
        fs::write(path("data/webhook.secret"), "").unwrap();
        fs::hard_link(path("data/webhook.secret"), path("hard")).unwrap();
        symlink(path("data/webhook.secret"), path("soft")).unwrap();
        symlink(path("data"), path("linked")).unwrap();
        let mut config = Config { data: path("data"), ..Config::default() };
        config.tls.key = Some(path("tls.key"));
        for own in [
            "data/appmixer.sqlite",
            "data/../data/appmixer.sqlite",
            "data/inner/../appmixer.sqlite-wal",
            "data/appmixer.sqlite-shm",
            "data/appmixer.sqlite.lock",
            "data/token.secret",
            "linked/token.secret",
            "data/webhook.secret",
            "elsewhere/real.sqlite",
            "elsewhere/real.sqlite-wal",
            "hard",
            "soft",
            "tls.key",
        ] {
            let failure = refuse(&config, &path(own)).unwrap_err();
            assert_eq!(failure.code(), 1);
            assert!(failure.to_string().contains("is a file of the server itself"), "{failure}");
        }
        for other in ["backup", "data/backup", "elsewhere/token.secret", "data/inner/token.secret"] {
            assert!(refuse(&config, &path(other)).is_ok(), "{other}");
        }
        assert!(refuse_as_database(&config, &path("data/appmixer.sqlite")).is_ok());
        assert!(refuse_as_database(&config, &path("data/token.secret")).is_err());
    }
}
