//! Codes for forgotten passwords: ring's random bytes, and SHA-256.

use appmixer_core::{CodeDigest, CodeMaker, HashError, ResetCode};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Makes codes of the system's random bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomCodes;

impl CodeMaker for RandomCodes {
    fn make(&self) -> Result<ResetCode, HashError> {
        let mut bytes = [0; 32];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| HashError::Failed("the system has no random bytes"))?;
        Ok(ResetCode::from_random(&bytes))
    }

    fn digest(&self, code: &ResetCode) -> CodeDigest {
        let digest = digest(&SHA256, code.as_str().as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        CodeDigest::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_and_a_digest_is_the_texts_sha_256() {
        let (one, other) = (RandomCodes.make().unwrap(), RandomCodes.make().unwrap());
        assert_ne!(one.as_str(), other.as_str());
        assert_ne!(RandomCodes.digest(&one), RandomCodes.digest(&other));
        // `printf A…A (43 times) | sha256sum`
        let zeros = RandomCodes.digest(&ResetCode::from_random(&[0; 32]));
        assert_eq!(zeros.as_bytes()[..4], SHA_OF_43_AS);
    }

    const SHA_OF_43_AS: [u8; 4] = [0x0f, 0x00, 0x73, 0x85];
}
