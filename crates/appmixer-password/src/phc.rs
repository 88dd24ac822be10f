//! Password hashes as PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`.

use appmixer_core::{HashError, PasswordHash, Verdict};
use argon2::password_hash::phc::{self, Ident, Output, ParamsString, Salt};
use argon2::{Algorithm, Version};
use subtle::ConstantTimeEq as _;

use crate::legacy;
use crate::memory::Memory;
use crate::params::{OUTPUT_BYTES, Params};

pub(crate) const SALT_BYTES: usize = 16;

/// Hashes with Argon2id.
pub(crate) fn hash(
    password: &[u8],
    salt: [u8; SALT_BYTES],
    params: Params,
    memory: &mut Memory,
) -> Result<PasswordHash, HashError> {
    let mut output = [0; OUTPUT_BYTES];
    params
        .function(Algorithm::Argon2id, Version::V0x13, OUTPUT_BYTES)
        .and_then(|argon2| {
            let blocks = memory.blocks(argon2.params().block_count());
            argon2.hash_password_into_with_memory(password, &salt, &mut output, blocks)
        })
        .map_err(|_| HashError::Failed("Argon2 refused its parameters"))?;
    write(salt, output, params)
}

/// The PHC string of an Argon2id hash.
pub(crate) fn write(
    salt: [u8; SALT_BYTES],
    output: [u8; OUTPUT_BYTES],
    params: Params,
) -> Result<PasswordHash, HashError> {
    let string = || -> Result<phc::PasswordHash, phc::Error> {
        let mut costs = ParamsString::new();
        costs.add_decimal("m", params.memory_kib())?;
        costs.add_decimal("t", params.iterations())?;
        costs.add_decimal("p", params.parallelism())?;
        Ok(phc::PasswordHash {
            algorithm: Ident::new("argon2id")?,
            version: Some(Version::V0x13.into()),
            params: costs,
            salt: Some(Salt::new(&salt)?),
            hash: Some(Output::new(&output)?),
        })
    };
    string()
        .map(|string| PasswordHash::from_phc(string.to_string()))
        .map_err(|_| HashError::Failed("the hash could not be written"))
}

/// A stored hash, taken apart.
struct Stored {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Salt,
    output: Output,
}

impl Stored {
    /// `None` for what is not Argon2, or so expensive that it is no honest password hash.
    fn parse(text: &str) -> Option<Self> {
        let string = phc::PasswordHash::new(text).ok()?;
        let costs = argon2::Params::try_from(&string).ok()?;
        Some(Self {
            algorithm: Algorithm::new(string.algorithm.as_str()).ok()?,
            // Strings from before the version was written are of version 16.
            version: string.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?,
            params: Params::new(costs.m_cost(), costs.t_cost(), costs.p_cost()).ok()?,
            salt: string.salt?,
            output: string.hash?,
        })
    }

    /// The function that made it. `None` when there is none with these parameters.
    fn function(&self) -> Option<argon2::Argon2<'static>> {
        self.params.function(self.algorithm, self.version, self.output.len()).ok()
    }

    fn is_of(&self, params: Params) -> bool {
        self.algorithm == Algorithm::Argon2id
            && self.version == Version::V0x13
            && self.params == params
            && self.output.len() == OUTPUT_BYTES
    }
}

/// Whether a stored hash can be verified: it is of a known kind, well formed, and costs no more than is allowed.
///
/// To be asked of hashes from elsewhere before they are kept: with one that cannot be, nobody can sign in.
#[must_use]
pub fn can_verify(hash: &PasswordHash) -> bool {
    match legacy::read(hash.as_phc()) {
        Some(read) => read.is_ok(),
        None => Stored::parse(hash.as_phc()).is_some_and(|stored| stored.function().is_some()),
    }
}

/// A hash with these parameters that no password is known to match, the same each time: for a user who is to
/// have a password set before signing in.
///
/// # Errors
/// [`HashError::Failed`] when it cannot be written.
pub fn locked(params: Params) -> Result<PasswordHash, HashError> {
    write([0; SALT_BYTES], [0; OUTPUT_BYTES], params)
}

/// Compares a password with a stored hash.
pub(crate) fn verify(
    password: &[u8],
    against: &PasswordHash,
    today: Params,
    memory: &mut Memory,
) -> Result<Verdict, HashError> {
    if let Some(legacy) = legacy::read(against.as_phc()) {
        return legacy?.verify(password);
    }
    let stored = Stored::parse(against.as_phc()).ok_or(HashError::Unreadable)?;
    let argon2 = stored.function().ok_or(HashError::Unreadable)?;
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..stored.output.len()).ok_or(HashError::Unreadable)?;
    let blocks = memory.blocks(argon2.params().block_count());
    argon2
        .hash_password_into_with_memory(password, stored.salt.as_ref(), output, blocks)
        .map_err(|_| HashError::Unreadable)?;
    let matches = output.ct_eq(stored.output.as_bytes()).into();
    Ok(Verdict { matches, outdated: !stored.is_of(today) })
}
