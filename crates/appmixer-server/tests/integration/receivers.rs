//! What the server delivers to: a real mail server from `PyPI`, and receivers of webhooks; and the certificate
//! that they show.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use ring::hmac;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::python::python;
use crate::support::{PATIENCE, TestServer, eventually};

/// A certificate for this machine, of an authority that nobody knows.
pub(crate) struct Certificate {
    folder: TempDir,
    public: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Self { folder, public: made.cert.der().clone(), key }
    }

    /// One that is its own authority (CA:TRUE), as `openssl req -x509` makes it.
    pub(crate) fn of_openssl() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut parameters = rcgen::CertificateParams::new(names).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pair = rcgen::KeyPair::generate().unwrap();
        let made = parameters.self_signed(&pair).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), pair.serialize_pem()).unwrap();
        Self { folder, public: made.der().clone(), key: PrivatePkcs8KeyDer::from(pair.serialize_der()) }
    }

    pub(crate) fn file(&self) -> String {
        self.path("cert.pem")
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivateKeyDer::Pkcs8(self.key.clone_key());
        let builder = builder.unwrap().with_no_client_auth();
        Arc::new(builder.with_single_cert(vec![self.public.clone()], key).unwrap())
    }
}

/// What is said of a certificate of [`Certificate::of_openssl`] that is not listed.
pub(crate) const NOT_LISTED: &str = "the server's certificate is an authority's (CA:TRUE)";

/// Sets entries of the system configuration. They count from the next request on.
pub(crate) fn configure(server: &TestServer, admin: &str, entries: &[(&str, Value)]) {
    for (key, value) in entries {
        server.post_as(admin, "/config", &json!({"key": key, "value": value}).to_string()).expect(200);
    }
}

/// How a receiver of webhooks behaves.
pub(crate) enum Manner {
    /// It answers with these, and then with 200.
    Answers(Vec<u16>),
    /// It takes connections and says nothing.
    Silent,
    /// It answers 200 over TLS.
    Encrypted(Certificate),
}

/// A request that a receiver has got.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Hook {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        });
        found.unwrap_or_else(|| panic!("no {name}: {}", self.head))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Checks the signature as the documentation tells receivers to.
    #[track_caller]
    pub(crate) fn assert_signed_with(&self, key: &[u8]) {
        let (time, tag) = self.header("X-Appmixer-Signature").split_once(",v1=").unwrap();
        let time = time.strip_prefix("t=").unwrap();
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        assert!(time.parse::<u64>().unwrap().abs_diff(now) < 300);
        let tag: Vec<u8> = tag
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::verify(&key, format!("{time}.{}", self.body).as_bytes(), &tag).expect("the signature");
    }
}

/// A receiver of webhooks. Its thread ends with the tests' process.
pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Hook>>>,
}

impl Receiver {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if matches!(manner, Manner::Encrypted(_)) { "https" } else { "http" };
        let url = format!("{scheme}://{}/hook?a=b", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&got);
        thread::spawn(move || serve(&listener, manner, &notes));
        Self { url, got }
    }

    pub(crate) fn got(&self) -> Vec<Hook> {
        self.got.lock().unwrap().clone()
    }

    /// The requests, once there are so many.
    #[track_caller]
    pub(crate) fn wait_for(&self, number: usize) -> Vec<Hook> {
        eventually(|| self.got().len() >= number);
        self.got()
    }
}

fn serve(listener: &TcpListener, manner: Manner, notes: &Mutex<Vec<Hook>>) {
    let (mut statuses, tls) = match manner {
        Manner::Answers(statuses) => (VecDeque::from(statuses), None),
        Manner::Encrypted(certificate) => (VecDeque::new(), Some(certificate.server_config())),
        Manner::Silent => {
            let mut open = Vec::new();
            for connection in listener.incoming() {
                notes.lock().unwrap().push(Hook { head: String::new(), body: String::new() });
                open.push(connection);
            }
            return;
        }
    };
    for connection in listener.incoming() {
        let connection = connection.unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let status = statuses.pop_front().unwrap_or(200);
        let hook = match &tls {
            None => answer(connection, status),
            Some(config) => {
                let session = ServerConnection::new(Arc::clone(config)).unwrap();
                answer(StreamOwned::new(session, connection), status)
            }
        };
        notes.lock().unwrap().extend(hook);
    }
}

fn answer(mut connection: impl Read + Write, status: u16) -> Option<Hook> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    let hook = loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let hook = Hook { head: head.to_owned(), body: body.to_owned() };
            if hook.header("content-length").parse() == Ok(body.len()) {
                break hook;
            }
        }
        match connection.read(&mut buffer).ok()? {
            0 => return None,
            length => bytes.extend_from_slice(&buffer[..length]),
        }
    };
    // A redirect must not be followed, wherever it leads.
    let location = "Location: http://127.0.0.1:9/\r\n";
    write!(connection, "HTTP/1.1 {status} X\r\n{location}Content-Length: 0\r\n\r\n").ok()?;
    let _ = connection.flush();
    Some(hook)
}

/// A real mail server, which ends with its test.
pub(crate) struct MailServer {
    child: Child,
    pub(crate) port: u16,
    events: Arc<Mutex<Vec<Value>>>,
}

impl MailServer {
    /// `None` where it is not installed.
    pub(crate) fn start(options: &Value) -> Option<Self> {
        let python = python()?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/mail_server.py");
        let mut command = Command::new(python);
        command.arg(script).arg(options.to_string()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let port = u16::try_from(first["port"].as_u64().unwrap()).unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&events);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                notes.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Some(Self { child, port, events })
    }

    pub(crate) fn with(tls: &str, certificate: &Certificate) -> Option<Self> {
        let (cert, key) = (certificate.path("cert.pem"), certificate.path("key.pem"));
        Self::start(
            &json!({"tls": tls, "cert": cert, "key": key, "user": "mailer", "password": "mail-secret"}),
        )
    }

    /// What it said that has this member.
    pub(crate) fn said(&self, member: &str) -> Vec<Value> {
        let events = self.events.lock().unwrap();
        events.iter().filter(|event| !event[member].is_null()).cloned().collect()
    }

    /// The mails, once there are so many.
    #[track_caller]
    pub(crate) fn mails(&self, number: usize) -> Vec<Value> {
        eventually(|| self.said("data").len() >= number);
        self.said("data")
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that takes connections and says nothing, as long as it is kept.
pub(crate) struct Silence {
    pub(crate) port: u16,
    taken: Arc<Mutex<Vec<TcpStream>>>,
}

impl Silence {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&taken);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                notes.lock().unwrap().push(connection);
            }
        });
        Self { port, taken }
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().unwrap().len()
    }
}
