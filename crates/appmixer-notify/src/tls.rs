//! Whom to trust: the system's authorities, which its updates keep current, and those of a file.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// A client's configuration. Reads files: not for the threads that serve requests.
pub(crate) fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    for certificate in own_authorities(ca_file)? {
        roots.add(certificate).map_err(|error| format!("delivery.ca_file: {error}"))?;
    }
    if roots.is_empty() {
        return Err("the system has no certificates of authorities (the package ca-certificates)".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The certificates in the file that an operator names.
pub(crate) fn own_authorities(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(path) = ca_file else {
        return Ok(Vec::new());
    };
    let unusable = |error: &dyn std::fmt::Display| format!("delivery.ca_file, {}: {error}", path.display());
    let pem = fs::read(path).map_err(|error| unusable(&error))?;
    CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|error| unusable(&error))
}
