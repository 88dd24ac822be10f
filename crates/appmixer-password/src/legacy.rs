//! Hashes of other kinds, as users who come from elsewhere bring them: verified, never made.
//!
//! bcrypt in its own form (`$2b$10$…`), scrypt and PBKDF2 as PHC strings (`$scrypt$ln=17,r=8,p=1$…`,
//! `$pbkdf2-sha256$i=600000$…`). What a hash may cost is bounded, since these come from somebody else's
//! database: one that is dearer is as good as unreadable.

use std::num::NonZeroU32;

use appmixer_core::{HashError, Verdict};
use argon2::password_hash::phc::{self, Output, Salt};
use bcrypt::HashParts;
use ring::pbkdf2;
use subtle::ConstantTimeEq as _;

/// The dearest bcrypt: some seconds. Usual are 10 to 12.
const MAX_BCRYPT_COST: u32 = 16;
/// What of a password bcrypt sees, in bytes.
const BCRYPT_SEES: usize = 72;
/// The most memory that scrypt may write, in bytes, over all its lanes: N = 2^20 and r = 8, the dearest
/// that its paper (Percival 2009) proposes.
const MAX_SCRYPT_BYTES: u64 = 1024 * 1024 * 1024;
/// The most rounds of PBKDF2, some seconds. OWASP asks for 600,000.
const MAX_PBKDF2_ITERATIONS: u32 = 10_000_000;

/// A hash of another kind than Argon2, within bounds: computing it cannot fail.
pub(crate) enum Legacy<'a> {
    Bcrypt(&'a str),
    Scrypt(scrypt::Params, Phc),
    Pbkdf2(pbkdf2::Algorithm, NonZeroU32, Phc),
}

/// Reads a hash of another kind than Argon2; `None` when it is of no such kind.
pub(crate) fn read(text: &str) -> Option<Result<Legacy<'_>, HashError>> {
    if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
        return Some(bcrypt(text).ok_or(HashError::Unreadable));
    }
    let read = match text.split('$').nth(1)? {
        "scrypt" => scrypt,
        "pbkdf2-sha256" => |hash| pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, hash),
        "pbkdf2-sha512" => |hash| pbkdf2(pbkdf2::PBKDF2_HMAC_SHA512, hash),
        _ => return None,
    };
    Some(Phc::parse(text).and_then(read).ok_or(HashError::Unreadable))
}

impl Legacy<'_> {
    /// Compares a password with it. Such a hash is outdated, so that a good sign-in replaces it.
    pub(crate) fn verify(&self, password: &[u8]) -> Result<Verdict, HashError> {
        let matches = match self {
            Self::Bcrypt(text) => return verify_bcrypt(password, text),
            Self::Scrypt(params, hash) => {
                let mut output = [0; Output::MAX_LENGTH];
                let output = output.get_mut(..hash.output.len()).ok_or(HashError::Unreadable)?;
                scrypt::scrypt(password, hash.salt.as_ref(), params, output)
                    .map_err(|_| HashError::Unreadable)?;
                output.ct_eq(hash.output.as_bytes()).into()
            }
            Self::Pbkdf2(algorithm, iterations, hash) => {
                let (salt, output) = (hash.salt.as_ref(), hash.output.as_bytes());
                pbkdf2::verify(*algorithm, *iterations, salt, password, output).is_ok()
            }
        };
        Ok(Verdict { matches, outdated: true })
    }
}

/// What the crate takes as a cost begins at 4.
fn bcrypt(text: &str) -> Option<Legacy<'_>> {
    let parts: HashParts = text.parse().ok()?;
    (4..=MAX_BCRYPT_COST).contains(&parts.get_cost()).then_some(Legacy::Bcrypt(text))
}

/// bcrypt is a function of a C string: it ends at the first NUL, and of the rest 72 bytes count.
///
/// When something of the password did not count, nobody knows whether that was right. Hashing it anew would
/// lock out whoever mistyped there and did not notice, so such a hash stays as it is.
fn verify_bcrypt(password: &[u8], against: &str) -> Result<Verdict, HashError> {
    let until_nul = password.split(|&byte| byte == 0).next().unwrap_or_default();
    let matches = bcrypt::verify(until_nul, against).map_err(|_| HashError::Unreadable)?;
    Ok(Verdict { matches, outdated: password.len() == until_nul.len() && password.len() <= BCRYPT_SEES })
}

/// A PHC string with all its parts and without a version, which neither function has.
pub(crate) struct Phc {
    params: phc::ParamsString,
    salt: Salt,
    output: Output,
}

impl Phc {
    fn parse(text: &str) -> Option<Self> {
        let string = phc::PasswordHash::new(text).ok()?;
        if string.version.is_some() {
            return None;
        }
        Some(Self { params: string.params, salt: string.salt?, output: string.hash? })
    }

    /// The numbers of these names; `None` when one is missing or there is another.
    fn numbers<const N: usize>(&self, names: [&str; N]) -> Option<[u32; N]> {
        let mut numbers = [0; N];
        for (number, name) in numbers.iter_mut().zip(names) {
            *number = self.params.get_decimal(name)?;
        }
        (self.params.iter().count() == N).then_some(numbers)
    }
}

/// RFC 7914.
fn scrypt(hash: Phc) -> Option<Legacy<'static>> {
    let [log_n, r, p] = hash.numbers(["ln", "r", "p"])?;
    let n = 1_u64.checked_shl(log_n).filter(|&n| n > 1)?;
    let bytes = n.checked_mul(128)?.checked_mul(r.into())?.checked_mul(p.into())?;
    if bytes > MAX_SCRYPT_BYTES {
        return None;
    }
    Some(Legacy::Scrypt(scrypt::Params::new(log_n.try_into().ok()?, r, p).ok()?, hash))
}

/// RFC 8018 section 5.2. `l`, the length of the output, may be told, and is then what the output has.
fn pbkdf2(algorithm: pbkdf2::Algorithm, hash: Phc) -> Option<Legacy<'static>> {
    let iterations = match hash.numbers(["i", "l"]) {
        Some([iterations, length]) if usize::try_from(length) == Ok(hash.output.len()) => iterations,
        Some(_) => return None,
        None => {
            let [iterations] = hash.numbers(["i"])?;
            iterations
        }
    };
    let iterations = NonZeroU32::new(iterations).filter(|i| i.get() <= MAX_PBKDF2_ITERATIONS)?;
    Some(Legacy::Pbkdf2(algorithm, iterations, hash))
}
