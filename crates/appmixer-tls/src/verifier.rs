//! The verification of servers' certificates, and the reason for a refusal in plain words.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use thiserror::Error;

use crate::expiry;

/// Trusts what a trusted authority has signed, and each certificate that is itself listed in the file of certificates.
///
/// A self-signed certificate, as `openssl req -x509` makes it, is its own authority. RFC 5280 allows no authority's
/// certificate for a server, so a chain would be refused; but whoever lists a certificate trusts exactly that one.
#[derive(Debug)]
pub(crate) struct Verifier {
    chain: Arc<WebPkiServerVerifier>,
    listed: Vec<CertificateDer<'static>>,
}

/// Why a server's certificate was refused.
#[derive(Debug, Error)]
enum Refusal {
    #[error(
        "no trusted authority has signed the server's certificate; list the authority's, or this one, in ca_file"
    )]
    UnknownIssuer,
    #[error("the server's certificate is not valid for the name {0}; its subjectAltName has to list it")]
    Name(String),
    #[error("the server's certificate has expired")]
    Expired,
    #[error("the server's certificate is not valid yet")]
    NotYetValid,
    #[error("the server's certificate cannot be used: {0}")]
    Other(Error),
}

impl Verifier {
    pub(crate) fn new(
        roots: RootCertStore,
        listed: Vec<CertificateDer<'static>>,
        provider: &Arc<rustls::crypto::CryptoProvider>,
    ) -> Result<Self, rustls::client::VerifierBuilderError> {
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        Ok(Self { chain: chain.build()?, listed })
    }

    /// Checks name and dates of a certificate that is listed: whoever listed it vouches for the rest.
    fn verify_listed(
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        let (not_before, not_after) = expiry::validity(certificate).ok_or(CertificateError::BadEncoding)?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now < not_before.unix_timestamp() {
            return Err(CertificateError::NotValidYet.into());
        }
        if now > not_after.unix_timestamp() {
            return Err(CertificateError::Expired.into());
        }
        Ok(())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = if self.listed.contains(end_entity) {
            Self::verify_listed(end_entity, name, now).map(|()| ServerCertVerified::assertion())
        } else {
            self.chain.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
        };
        verified.map_err(|error| refused(error, name))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// The same reason wherever a connection fails. rustls prints its own in the form of its types.
fn refused(error: Error, name: &ServerName<'_>) -> Error {
    let reason = match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => Refusal::UnknownIssuer,
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Refusal::Name(name.to_str().into_owned()),
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            Refusal::Expired
        }
        Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => Refusal::NotYetValid,
        other => Refusal::Other(other),
    };
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(reason))))
}
