//! The configuration file as a source. Messages about it never repeat its text, which may have secrets.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map};
use figment::{Error, Metadata, Profile, Provider};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

pub(super) struct TomlFile {
    path: PathBuf,
    values: Dict,
}

impl TomlFile {
    /// Reads a file or a pipe. A pipe can be read only once.
    ///
    /// # Errors
    /// There is no such file, or it is no TOML: line, column and reason.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let bad = |what: String| Failure::configuration(format!("--config: {what}"));
        let name = path.display();
        let text = read_text(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => bad(format!("there is no file {name}")),
            io::ErrorKind::IsADirectory => bad(format!("{name} is a folder, not a file")),
            _ => bad(format!("{name}: {error}")),
        })?;
        let values = toml::from_str(&text).map_err(|error| {
            // The error's own text repeats the line.
            let reason = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
            let place = error.span().map_or_else(String::new, |span| position(&text, span.start));
            Failure::configuration(format!("the configuration: TOML error{place}: {reason} (in {name})"))
        })?;
        Ok(Self { path: path.to_owned(), values })
    }
}

fn read_text(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("it has more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}

fn position(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!(" at line {line}, column {column}")
}

impl Provider for TomlFile {
    fn metadata(&self) -> Metadata {
        Metadata::from("TOML file", self.path.as_path())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}
