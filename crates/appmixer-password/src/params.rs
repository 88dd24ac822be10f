//! What a hash costs.

use argon2::{Algorithm, Argon2, Version};
use thiserror::Error;

/// The most memory that a hash may need, in KiB: for new hashes, and for stored ones, since those may come
/// from somebody else's database.
pub const MAX_MEMORY_KIB: u32 = 1024 * 1024;
/// The most passes over the memory.
pub const MAX_ITERATIONS: u32 = 64;
/// The most lanes.
pub const MAX_PARALLELISM: u32 = 16;
/// The length of what a new hash ends in, in bytes (RFC 9106 section 4 asks for 128 bits at least).
pub(crate) const OUTPUT_BYTES: usize = 32;

/// The cost of one Argon2id hash (RFC 9106 section 3.1). Lanes are computed one after the other: the pool
/// already keeps every core busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

/// A cost that is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidParams {
    /// Less than eight blocks a lane, or more than [`MAX_MEMORY_KIB`].
    #[error("the memory must be between 8 KiB for each lane and {MAX_MEMORY_KIB} KiB")]
    Memory,
    /// None, or more than [`MAX_ITERATIONS`].
    #[error("the iterations must be between 1 and {MAX_ITERATIONS}")]
    Iterations,
    /// None, or more than [`MAX_PARALLELISM`].
    #[error("the parallelism must be between 1 and {MAX_PARALLELISM}")]
    Parallelism,
}

/// 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet).
impl Default for Params {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2, parallelism: 1 }
    }
}

impl Params {
    /// A cost within bounds.
    ///
    /// # Errors
    /// [`InvalidParams`] names what is out of bounds.
    pub const fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, InvalidParams> {
        if parallelism == 0 || parallelism > MAX_PARALLELISM {
            return Err(InvalidParams::Parallelism);
        }
        if memory_kib < 8 * parallelism || memory_kib > MAX_MEMORY_KIB {
            return Err(InvalidParams::Memory);
        }
        if iterations == 0 || iterations > MAX_ITERATIONS {
            return Err(InvalidParams::Iterations);
        }
        Ok(Self { memory_kib, iterations, parallelism })
    }

    /// The memory, in KiB, which are blocks.
    #[must_use]
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// The passes over the memory.
    #[must_use]
    pub const fn iterations(self) -> u32 {
        self.iterations
    }

    /// The lanes.
    #[must_use]
    pub const fn parallelism(self) -> u32 {
        self.parallelism
    }

    /// The function with this cost and an output of this many bytes.
    pub(crate) fn function(
        self,
        algorithm: Algorithm,
        version: Version,
        output_bytes: usize,
    ) -> Result<Argon2<'static>, argon2::Error> {
        let params =
            argon2::Params::new(self.memory_kib, self.iterations, self.parallelism, Some(output_bytes))?;
        Ok(Argon2::new(algorithm, version, params))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_out_of_bounds_are_refused() {
        for (memory, iterations, parallelism, error) in [
            (7, 1, 1, InvalidParams::Memory),
            (16, 1, 3, InvalidParams::Memory),
            (MAX_MEMORY_KIB + 1, 1, 1, InvalidParams::Memory),
            (64, 0, 1, InvalidParams::Iterations),
            (64, 65, 1, InvalidParams::Iterations),
            (64, 1, 0, InvalidParams::Parallelism),
            (u32::MAX, 1, u32::MAX, InvalidParams::Parallelism),
        ] {
            assert_eq!(Params::new(memory, iterations, parallelism), Err(error));
        }
    }
}
