//! The cryptography behind `jsonwebtoken`: HMAC-SHA256, Ed25519 and ECDSA with P-256 of ring, and nothing else.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    UnparsedPublicKey,
};

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key: &EncodingKey| {
        must_belong_together(*algorithm, key.family())?;
        let bytes = key.as_bytes();
        Ok(match algorithm {
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes);
                Box::new(Ed25519(pair.map_err(|_| ErrorKind::InvalidKeyFormat)?))
            }
            Algorithm::ES256 => {
                let random = SystemRandom::new();
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &random);
                Box::new(EcdsaP256(pair.map_err(|_| ErrorKind::InvalidEcdsaKey)?, random))
            }
            _ => Box::new(HmacSha256(hmac::Key::new(hmac::HMAC_SHA256, bytes))),
        })
    },
    verifier_factory: |algorithm, key: &DecodingKey| {
        must_belong_together(*algorithm, key.family())?;
        let bytes = key.try_get_as_bytes()?;
        Ok(match algorithm {
            Algorithm::EdDSA => {
                Box::new(Public(UnparsedPublicKey::new(&ED25519, bytes.to_vec()), *algorithm))
            }
            Algorithm::ES256 => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes.to_vec());
                Box::new(Public(key, *algorithm))
            }
            _ => Box::new(HmacSha256(hmac::Key::new(hmac::HMAC_SHA256, bytes))),
        })
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring the provider of this process, unless the program around us has chosen another before: all of
/// them take the same forms of keys and sign alike.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = RING.install_default();
    });
}

/// A public key's bytes are no HMAC secret, whatever anybody asks for (RFC 8725 section 2.1).
fn must_belong_together(algorithm: Algorithm, family: AlgorithmFamily) -> Result<(), Error> {
    match (algorithm, family) {
        (Algorithm::HS256, AlgorithmFamily::Hmac)
        | (Algorithm::EdDSA, AlgorithmFamily::Ed)
        | (Algorithm::ES256, AlgorithmFamily::Ec) => Ok(()),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

struct HmacSha256(hmac::Key);

impl Signer<Vec<u8>> for HmacSha256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl JwtSigner for HmacSha256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for HmacSha256 {
    /// In constant time.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        hmac::verify(&self.0, message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for HmacSha256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

struct Ed25519(Ed25519KeyPair);

impl Signer<Vec<u8>> for Ed25519 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Ed25519 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct EcdsaP256(EcdsaKeyPair, SystemRandom);

impl Signer<Vec<u8>> for EcdsaP256 {
    /// 64 bytes, as RFC 7518 section 3.4 wants them, and not DER.
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signature = self.0.sign(&self.1, message).map_err(|_| SignatureError::new())?;
        Ok(signature.as_ref().to_vec())
    }
}

impl JwtSigner for EcdsaP256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

struct Public(UnparsedPublicKey<Vec<u8>>, Algorithm);

impl Verifier<Vec<u8>> for Public {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        self.0.verify(message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Public {
    fn algorithm(&self) -> Algorithm {
        self.1
    }
}
