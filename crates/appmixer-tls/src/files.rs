//! Reads certificate and key.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};
use rustix::fs::OFlags;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::expiry;

/// No chain of certificates is anywhere near this.
const MOST_BYTES: u64 = 1024 * 1024;

/// Where certificate and key are.
#[derive(Clone, Debug)]
pub struct Files {
    /// PEM: the server's certificate, and then those that lead to an authority.
    pub certificate: PathBuf,
    /// PEM: the private key, as PKCS #8, SEC1 or PKCS #1, without a password.
    pub key: PathBuf,
}

/// Why files cannot be used. Says which one, and nothing of what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}: {reason}", path.display())]
pub struct CertificateError {
    /// The file that is to blame.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// What two files have in them.
pub(crate) struct Contents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    /// Whether anybody on the machine can read the key.
    pub(crate) key_is_open: bool,
}

/// Certificate and key that belong together.
pub(crate) struct Pair {
    pub(crate) certified: CertifiedKey,
    pub(crate) expires: OffsetDateTime,
}

impl Files {
    fn error(path: &Path, reason: impl Into<String>) -> CertificateError {
        CertificateError { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn read(&self) -> Result<Contents, CertificateError> {
        let read = |path: &Path| read(path).map_err(|error| Self::error(path, error.to_string()));
        let (certificate, _) = read(&self.certificate)?;
        let (key, key_is_open) = read(&self.key)?;
        Ok(Contents { certificate, key: key.into(), key_is_open })
    }

    /// What they have in them, if it can be used.
    pub(crate) fn parse(
        &self,
        contents: &Contents,
        provider: &CryptoProvider,
    ) -> Result<Pair, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(&contents.certificate).collect::<Result<Vec<_>, _>>();
        // The parser's own words may repeat a line of the file.
        let chain = chain.map_err(|_| Self::error(&self.certificate, "is no whole PEM file"))?;
        let first =
            chain.first().ok_or_else(|| Self::error(&self.certificate, "has no certificate in it"))?;
        let expires = expiry::of(first)
            .ok_or_else(|| Self::error(&self.certificate, "its first certificate cannot be read"))?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|_| Self::error(&self.key, "has no private key in it that can be read"))?;
        let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Self::error(&self.key, "is not the key of the certificate"),
            rustls::Error::InvalidCertificate(_) => {
                Self::error(&self.certificate, "its first certificate cannot be read")
            }
            _ => Self::error(&self.key, "is of a kind that is not supported: RSA, ECDSA and Ed25519 are"),
        })?;
        Ok(Pair { certified, expires })
    }
}

impl Contents {
    /// Differs when something in the files does.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        let mut digest = Context::new(&SHA256);
        digest.update(&(self.certificate.len() as u64).to_be_bytes());
        digest.update(&self.certificate);
        digest.update(&self.key);
        digest.finish().as_ref().try_into().unwrap_or_default()
    }
}

/// A file's bytes, and whether everybody may read them.
fn read(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    // A pipe without a writer would make a blocking open wait for ever.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("is not a regular file"));
    }
    // With room for all of it: growing would leave copies of a key behind.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(MOST_BYTES)).unwrap_or(0) + 1);
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("has more than {MOST_BYTES} bytes")));
    }
    Ok((bytes, metadata.permissions().mode() & 0o004 != 0))
}
