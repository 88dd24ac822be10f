//! Whom a client trusts: the system's authorities, which its updates keep current, and those of a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// Why nobody can be trusted.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The system has no authorities, and no file has any.
    #[error("the system has no certificates of authorities (the package ca-certificates)")]
    Nobody,
    /// The file cannot be read, or is not what it should be.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// rustls does not know its own protocol versions: a defect.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// A client's configuration. Reads files: not for the threads that serve requests.
///
/// # Errors
/// [`TrustError`].
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, TrustError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if let Some(path) = ca_file {
        for certificate in authorities(path)? {
            roots.add(certificate).map_err(|error| unusable(path, &error))?;
        }
    }
    if roots.is_empty() {
        return Err(TrustError::Nobody);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The certificates in a PEM file.
///
/// # Errors
/// [`TrustError::File`].
pub fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let pem = fs::read(path).map_err(|error| unusable(path, &error))?;
    CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> TrustError {
    TrustError::File { path: path.to_owned(), why: why.to_string() }
}
