//! The examples of `deploy/`, as a test runs them.

use std::fs;
use std::path::{Path, PathBuf};

/// A copy where it can be read by whom the server runs as, with other addresses: those of the example must be there.
pub(crate) fn copy(example: &str, folder: &Path, changes: &[(&str, &str)]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(example);
    let mut text = fs::read_to_string(source).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "there is no {from} in deploy/{example}");
        text = text.replace(from, to);
    }
    let copy = folder.join(Path::new(example).file_name().unwrap());
    fs::write(&copy, text).unwrap();
    copy
}
