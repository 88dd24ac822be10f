//! The file of passwords that nobody may choose.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::sync::Arc;

use appmixer_core::{RefusedPasswords, Rules};

use crate::config::Config;
use crate::failure::Failure;

impl Config {
    /// The rules with the list: for whoever lets passwords be chosen.
    pub(crate) fn rules_for_new_passwords(&self) -> Result<Rules, Failure> {
        let mut rules = self.rules();
        if let Some(path) = &self.password.refused_file {
            let list = read(path).map_err(|error| {
                Failure::configuration(format!("password.refused_file: {}: {error}", path.display()))
            })?;
            rules.password_policy.refused = Arc::new(list);
        }
        Ok(rules)
    }
}

fn read(path: &Path) -> io::Result<RefusedPasswords> {
    // A device or a pipe may never end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("is not a file"));
    }
    let mut failed = None;
    let lines = BufReader::new(File::open(path)?).split(b'\n').map_while(|line| {
        // Lists that go around have lines in other encodings: those match nothing, the others count.
        line.map(|line| String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
            .map_err(|error| failed = Some(error))
            .ok()
    });
    let list = RefusedPasswords::new(lines).map_err(io::Error::other)?;
    failed.map_or(Ok(list), Err)
}
