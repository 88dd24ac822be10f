//! How much a folder may hold.

/// What is beyond a limit is skipped, and told in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most manifests.
    pub manifests: usize,
    /// The largest manifest, in bytes.
    pub manifest_bytes: u64,
    /// The largest file that becomes an icon, in bytes.
    pub icon_bytes: u64,
    /// The most that all manifests and icons may take in memory, in bytes.
    pub total_bytes: u64,
    /// The most files and folders that one look goes through.
    pub entries: usize,
}

impl Default for Limits {
    /// Several times the public connectors, of which there are some 3,000 components.
    fn default() -> Self {
        Self {
            manifests: 20_000,
            manifest_bytes: 1024 * 1024,
            icon_bytes: 256 * 1024,
            total_bytes: 128 * 1024 * 1024,
            entries: 500_000,
        }
    }
}
