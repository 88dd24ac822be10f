//! Whom a client trusts: the system's authorities, which its updates keep current, and the certificates of files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

use crate::verifier::Verifier;

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
/// It trusts the system's authorities, those in the files, and each certificate in a file as that of a server.
///
/// # Errors
/// [`TrustError`].
pub fn client_config<'p>(ca_files: impl IntoIterator<Item = &'p Path>) -> Result<ClientConfig, TrustError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let mut listed = Vec::new();
    for path in ca_files {
        let certificates = certificates(path)?;
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| unusable(path, &error))?;
        }
        listed.extend(certificates);
    }
    if roots.is_empty() {
        return Err(TrustError::Nobody);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(roots, listed, &provider).map_err(|_| TrustError::Nobody)?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}

/// Checks that a file can be trusted: that it has certificates, and each can be used.
///
/// # Errors
/// [`TrustError::File`].
pub fn check_ca_file(path: &Path) -> Result<(), TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unusable(path, &error))?;
    }
    Ok(())
}

/// The certificates in a PEM file.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let pem = fs::read(path).map_err(|error| unusable(path, &error))?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| unusable(path, &error))?;
    if certificates.is_empty() {
        return Err(unusable(path, &"there is no certificate in it"));
    }
    Ok(certificates)
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> TrustError {
    TrustError::File { path: path.to_owned(), why: why.to_string() }
}
