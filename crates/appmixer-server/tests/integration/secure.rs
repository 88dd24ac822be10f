//! TLS for tests: an authority, certificates that it issues, and a client that trusts it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Answer, PATIENCE, TestServer, eventually, run};

pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// An authority, and a folder with the files of a server that it has certified.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    /// With a certificate that is good for long.
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, "The tests' authority");
        let key = KeyPair::generate().unwrap();
        let root = parameters.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), root.pem()).unwrap();
        let der = root.der().clone();
        let authority = Self { folder, issuer: Issuer::new(parameters, key), root: der };
        authority.renew("first");
        authority
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate with this name in it and its key, as PEM.
    pub(crate) fn issue(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// Puts a new certificate and its key in the place of those that are there, each in one step.
    pub(crate) fn renew(&self, name: &str) {
        let (certificate, key) = self.issue(name, |_| ());
        self.put("certificate.pem", &certificate);
        self.put("key.pem", &key);
    }

    pub(crate) fn put(&self, file: &str, text: &str) {
        let new = self.path("new.pem");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        fs::rename(new, self.path(file)).unwrap();
    }

    /// What makes a server use them.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let path = |name: &str| self.path(name).display().to_string();
        vec![
            ("APPMIXER_TLS__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("APPMIXER_TLS__CERTIFICATE".to_owned(), path("certificate.pem")),
            ("APPMIXER_TLS__KEY".to_owned(), path("key.pem")),
        ]
    }

    /// A server with TLS, and with these settings.
    pub(crate) fn serve(&self, settings: &[(&str, &str)]) -> TestServer {
        let own = self.settings();
        let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        TestServer::with(&own.chain(settings.iter().copied()).collect::<Vec<_>>())
    }

    /// A client that trusts it and offers these protocols.
    pub(crate) fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// `curl` that trusts it.
    pub(crate) fn curl(&self, arguments: &[&str]) -> Output {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "20", "--cacert"]);
        curl.arg(self.path("ca.pem")).args(arguments);
        run(curl, "")
    }
}

/// Where the server has said that it listens with this protocol.
pub(crate) fn address_of(server: &TestServer, protocol: &str) -> String {
    let find = || {
        let log = server.log();
        let mut events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let event = events.find(|event| event["message"] == "listening" && event["protocol"] == protocol)?;
        event["address"].as_str().map(str::to_owned)
    };
    eventually(|| find().is_some());
    find().unwrap()
}

/// A connection with TLS whose handshake is complete.
pub(crate) fn connect(address: &str, client: &Arc<ClientConfig>) -> std::io::Result<Stream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    Ok(StreamOwned::new(connection, socket))
}

/// One request with HTTP/1.1 on a connection of its own.
pub(crate) fn get(address: &str, client: &Arc<ClientConfig>, path: &str) -> std::io::Result<Answer> {
    let mut stream = connect(address, client)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Answer::parse(&bytes).ok_or_else(|| std::io::Error::other(String::from_utf8_lossy(&bytes).into_owned()))
}

/// What a program printed, on both of its ways.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
