//! The verification of servers' certificates, and the reason for a refusal in plain words.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, InvalidMessage, RootCertStore, SignatureScheme,
};

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
        if self.listed.contains(end_entity) {
            Self::verify_listed(end_entity, name, now).map(|()| ServerCertVerified::assertion())
        } else {
            self.chain.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
        }
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

/// Why a TLS connection was not made, in words, if that is what an error comes from: the server's certificate was
/// refused, or what answers does not speak TLS.
#[must_use]
pub fn refusal(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(Error::InvalidCertificate(why)) = error.downcast_ref::<Error>() {
            return Some(in_words(why));
        }
        if let Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) = error.downcast_ref::<Error>()
        {
            return Some("what answers on this port does not speak TLS".to_owned());
        }
        // An I/O error does not name what it wraps as its source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// rustls prints the names of its own types.
fn in_words(why: &CertificateError) -> String {
    match why {
        // BadSignature: an authority of the same name, with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "no trusted authority has signed the server's certificate; list the authority's, or this one, in ca_file"
                .to_owned()
        }
        CertificateError::NotValidForName => {
            "the server's certificate is not valid for its name; its subjectAltName has to list it".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, .. } => format!(
            "the server's certificate is not valid for the name {}; its subjectAltName has to list it",
            expected.to_str()
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet".to_owned()
        }
        // webpki's name for it, which rustls does not translate.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "the server's certificate is an authority's (CA:TRUE), as `openssl req -x509` makes it; list it in ca_file to \
             trust it"
                .to_owned()
        }
        CertificateError::Other(other) => format!("the server's certificate cannot be used: {other}"),
        other => format!("the server's certificate cannot be used: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, Certificate, CertificateParams, DistinguishedName, IsCa, Issuer, KeyPair,
        date_time_ymd,
    };

    use super::*;

    struct Made {
        certificate: Certificate,
        parameters: CertificateParams,
        key: KeyPair,
    }

    /// Self-signed, as `openssl req -x509` does it (CA:TRUE), or of CA:FALSE.
    fn made(is_authority: bool, change: impl FnOnce(&mut CertificateParams)) -> Made {
        let mut parameters = CertificateParams::new(["db.example".to_owned()]).unwrap();
        if is_authority {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Made { certificate, parameters, key }
    }

    fn issued_by(authority: &Made) -> CertificateDer<'static> {
        let parameters = CertificateParams::new(["db.example".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&authority.parameters, &authority.key);
        parameters.signed_by(&key, &issuer).unwrap().der().clone()
    }

    fn told(error: Error) -> String {
        // As connectors wrap it: in one I/O error, or in one inside another.
        let once = refusal(&io::Error::other(error.clone()));
        assert_eq!(refusal(&io::Error::other(io::Error::other(error))), once);
        once.unwrap()
    }

    /// What a client says of a certificate that trusts these; nothing, or why not.
    fn verify(listed: &[&CertificateDer<'static>], shown: &CertificateDer<'_>, name: &str) -> String {
        // An authority of the same name would be tried, and refused for its signature.
        let unrelated = made(true, |parameters| parameters.distinguished_name = DistinguishedName::new());
        let mut roots = RootCertStore::empty();
        roots.add(unrelated.certificate.der().clone()).unwrap();
        let listed: Vec<_> = listed.iter().copied().cloned().collect();
        for certificate in &listed {
            roots.add(certificate.clone()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::new(roots, listed, &provider).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let now = UnixTime::now();
        verifier.verify_server_cert(shown, &[], &name, &[], now).err().map_or_else(String::new, told)
    }

    #[test]
    fn a_certificate_that_is_itself_listed_is_trusted_for_its_names_and_dates() {
        for is_authority in [true, false] {
            let made = made(is_authority, |_| ());
            let der = made.certificate.der();
            assert_eq!(verify(&[der], der, "db.example"), "");
            assert!(verify(&[der], der, "other.example").contains("not valid for the name other.example"));
        }
        // One of an authority that nobody knows, which is listed without it.
        let authority = made(true, |_| ());
        let leaf = issued_by(&authority);
        assert_eq!(verify(&[&leaf], &leaf, "db.example"), "");
        let past = made(true, |parameters| parameters.not_after = date_time_ymd(2020, 1, 1));
        assert!(
            verify(&[past.certificate.der()], past.certificate.der(), "db.example").contains("has expired")
        );
        let future = made(true, |parameters| parameters.not_before = date_time_ymd(4000, 1, 1));
        let told = verify(&[future.certificate.der()], future.certificate.der(), "db.example");
        assert!(told.contains("not valid yet"), "{told}");
    }

    #[test]
    fn nobody_else_is_trusted_and_the_reason_is_in_words() {
        let authority = made(true, |_| ());
        let leaf = issued_by(&authority);
        assert_eq!(verify(&[authority.certificate.der()], &leaf, "db.example"), "");
        assert!(verify(&[], &leaf, "db.example").contains("no trusted authority has signed"));
        // The same names and another key.
        let other = made(true, |_| ());
        let told = verify(&[authority.certificate.der()], other.certificate.der(), "db.example");
        assert!(told.contains("list it in ca_file to trust it"), "{told}");
        let told = verify(&[authority.certificate.der()], &leaf, "other.example");
        assert!(told.contains("subjectAltName"), "{told}");
        assert!(verify(&[], &CertificateDer::from(vec![0x30, 0]), "db.example").contains("cannot be used"));
    }
}
