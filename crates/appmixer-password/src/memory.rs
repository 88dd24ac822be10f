//! The working memory of one hashing thread.

use argon2::Block;

/// glibc maps a block of more than 32 MiB (`DEFAULT_MMAP_THRESHOLD_MAX`) from the system and gives it back
/// when it is freed. A smaller one may stay with the process for good. What is never written takes no
/// memory, so asking for more than needed costs nothing.
const ALWAYS_MAPPED: usize = 33 * 1024 * 1024 / Block::SIZE;

/// Allocated at the first hash, used again for the next ones, and given back when told so.
#[derive(Default)]
pub(crate) struct Memory(Vec<Block>);

impl Memory {
    /// This many blocks. What is in them does not matter: Argon2 writes before it reads.
    pub(crate) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            let mut blocks = Vec::with_capacity(count.max(ALWAYS_MAPPED));
            blocks.resize(count, Block::new());
            self.0 = blocks;
        }
        &mut self.0[..count]
    }

    /// Whether it holds anything.
    pub(crate) const fn is_held(&self) -> bool {
        self.0.capacity() > 0
    }

    /// Gives it back to the system, which wipes it before anybody else gets it.
    pub(crate) fn release(&mut self) {
        self.0 = Vec::new();
    }
}
