//! The certificate that is served, and the thread that looks after it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use crate::files::{CertificateError, Contents, Files, Pair};

/// The time between two looks at the files. They are read each time: times and sizes alone would miss a change
/// within the file system's step of time, and reading some kilobytes costs no more than to ask for them.
const PAUSE: Duration = Duration::from_secs(2);
/// Files that have changed are used once they have been the same for so long, since two files never change at once…
const QUIET: Duration = Duration::from_millis(250);
/// … or after so many such times, when they never are.
const MOST_UNREST: u32 = 20;
const EXPIRES: &str = "appmixer_tls_certificate_expires_seconds";
const RELOADS: &str = "appmixer_tls_certificate_reloads_total";
/// So long before the end, an operator should know.
const SOON: time::Duration = time::Duration::days(14);

/// A certificate and its key, as they are now. Clones share them; the last one to go ends the watching.
#[derive(Clone, Debug)]
pub struct Certificate {
    current: Arc<Current>,
    provider: Arc<CryptoProvider>,
    look: SyncSender<()>,
}

/// Answers each handshake with what is there.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Certificate {
    /// Reads a certificate and its key, and begins to look at the files now and then, from a thread of its own.
    ///
    /// # Errors
    /// [`CertificateError`] when they cannot be used.
    pub fn watch(files: Files) -> Result<Self, CertificateError> {
        let path = files.certificate.clone();
        let (certificate, mut watcher, told) = Self::begin(files)?;
        thread::Builder::new()
            .name("certificate".to_owned())
            .spawn(move || watcher.run(&told))
            .map_err(|error| CertificateError { path, reason: format!("no thread to watch it: {error}") })?;
        Ok(certificate)
    }

    fn begin(files: Files) -> Result<(Self, Watcher, Receiver<()>), CertificateError> {
        describe_gauge!(EXPIRES, "When the TLS certificate expires, in seconds since 1970.");
        describe_counter!(RELOADS, "Changes of the TLS certificate's files, by what became of them.");
        // There from the start, so that the first one shows as a change.
        for outcome in ["read", "refused"] {
            counter!(RELOADS, "outcome" => outcome).absolute(0);
        }
        let provider = Arc::new(ring::default_provider());
        let contents = files.read()?;
        let pair = files.parse(&contents, &provider)?;
        let current = Arc::new(Current(ArcSwap::from_pointee(pair.certified)));
        let (look, told) = mpsc::sync_channel(1);
        let mut watcher = Watcher {
            served: contents.fingerprint(),
            expires: pair.expires,
            files,
            provider: Arc::clone(&provider),
            current: Arc::clone(&current),
            refused: None,
            end_told: End::Far,
        };
        watcher.warn_of_open_key(contents.key_is_open);
        watcher.tell_end(OffsetDateTime::now_utc());
        Ok((Self { current, provider, look }, watcher, told))
    }

    /// Looks at the files at once.
    pub fn look_now(&self) {
        // Full: it is about to look anyway.
        let _ = self.look.try_send(());
    }

    /// A server's settings, whose certificate is always the present one. `protocols` are what it speaks (ALPN), the
    /// best one first.
    ///
    /// # Errors
    /// [`CertificateError`] when there are no random bytes for the key of the tickets.
    pub fn server_config(&self, protocols: &[&[u8]]) -> Result<ServerConfig, CertificateError> {
        let failed =
            |error: rustls::Error| CertificateError { path: "TLS".into(), reason: error.to_string() };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(failed)?;
        let resolver = Arc::clone(&self.current);
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        // Tickets instead of a list of sessions, which would have room for some clients only.
        config.ticketer = ring::Ticketer::new().map_err(failed)?;
        Ok(config)
    }
}

/// What was last told about the end of the certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum End {
    Far,
    Near,
    Past,
}

struct Watcher {
    files: Files,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    /// What is served.
    served: [u8; 32],
    expires: OffsetDateTime,
    /// What was last told to be unusable, so that it is told once.
    refused: Option<Seen>,
    end_told: End,
}

/// What a look at the files has shown.
#[derive(PartialEq, Eq)]
enum Seen {
    /// Both could be read; their fingerprint.
    Contents([u8; 32]),
    /// One could not.
    Error(CertificateError),
}

impl Seen {
    fn of(read: &Result<Contents, CertificateError>) -> Self {
        match read {
            Ok(contents) => Self::Contents(contents.fingerprint()),
            Err(error) => Self::Error(error.clone()),
        }
    }
}

impl Watcher {
    fn run(&mut self, told: &Receiver<()>) {
        // Until the last certificate goes.
        while told.recv_timeout(PAUSE) != Err(RecvTimeoutError::Disconnected) {
            if catch_unwind(AssertUnwindSafe(|| self.look())).is_err() {
                tracing::error!("reading the TLS certificate panicked");
            }
        }
    }

    fn look(&mut self) {
        let read = self.at_rest();
        let seen = Seen::of(&read);
        match read {
            Ok(_) if seen == Seen::Contents(self.served) => self.refused = None,
            Ok(contents) => self.take(&contents, seen),
            Err(error) => self.refuse(seen, &error),
        }
        self.tell_end(OffsetDateTime::now_utc());
    }

    /// What the files have in them, once they have stopped changing.
    fn at_rest(&self) -> Result<Contents, CertificateError> {
        let mut last = self.files.read();
        for _ in 0..MOST_UNREST {
            let seen = Seen::of(&last);
            if seen == Seen::Contents(self.served) || self.refused.as_ref() == Some(&seen) {
                break;
            }
            thread::sleep(QUIET);
            last = self.files.read();
            if Seen::of(&last) == seen {
                break;
            }
        }
        last
    }

    fn take(&mut self, contents: &Contents, seen: Seen) {
        match self.files.parse(contents, &self.provider) {
            Ok(Pair { certified, expires }) => {
                self.current.0.store(Arc::new(certified));
                self.served = contents.fingerprint();
                self.expires = expires;
                self.refused = None;
                self.end_told = End::Far;
                counter!(RELOADS, "outcome" => "read").increment(1);
                let path = self.files.certificate.display();
                tracing::info!(%path, %expires, "the TLS certificate was read anew");
                self.warn_of_open_key(contents.key_is_open);
            }
            Err(error) => self.refuse(seen, &error),
        }
    }

    /// What is served stays. Told once.
    fn refuse(&mut self, seen: Seen, error: &CertificateError) {
        if self.refused.as_ref() != Some(&seen) {
            counter!(RELOADS, "outcome" => "refused").increment(1);
            let path = error.path.display();
            tracing::warn!(%path, reason = error.reason, "the TLS certificate stays as it is");
        }
        self.refused = Some(seen);
    }

    fn warn_of_open_key(&self, is_open: bool) {
        if is_open {
            let path = self.files.key.display();
            tracing::warn!(%path, "everybody on this machine can read the private key; mode 0600 is right");
        }
    }

    /// Warns of the end when it comes near and when it is there.
    #[expect(clippy::cast_precision_loss, reason = "metrics are floating-point, and exact for ages")]
    fn tell_end(&mut self, now: OffsetDateTime) {
        gauge!(EXPIRES).set(self.expires.unix_timestamp() as f64);
        let end = match self.expires - now {
            left if left.is_negative() => End::Past,
            left if left < SOON => End::Near,
            _ => End::Far,
        };
        if end > self.end_told {
            let (path, expires) = (self.files.certificate.display(), self.expires);
            if end == End::Past {
                tracing::warn!(%path, %expires, "the TLS certificate has expired");
            } else {
                tracing::warn!(%path, %expires, "the TLS certificate expires within two weeks");
            }
        }
        self.end_told = end;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Instant;

    use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};

    use super::*;

    fn pair(name: &str) -> (String, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key)
    }

    fn files(folder: &Path) -> Files {
        Files { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") }
    }

    fn served(certificate: &Certificate) -> Vec<u8> {
        certificate.current.0.load().cert[0].to_vec()
    }

    #[track_caller]
    fn eventually(happens: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !happens() {
            assert!(Instant::now() < deadline, "it did not happen");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_its_name_and_nothing_of_its_contents() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let ((good, key), (_, other)) = (pair("a"), pair("b"));
        let half = &good[..good.len() / 2];
        for (certificate, key, to_blame, why) in [
            ("", key.serialize_pem(), &files.certificate, "no certificate"),
            (half, key.serialize_pem(), &files.certificate, "no whole PEM"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                key.serialize_pem(),
                &files.certificate,
                "cannot be read",
            ),
            (&*good, other.serialize_pem(), &files.key, "not the key of the certificate"),
            (&*good, good.clone(), &files.key, "no private key"),
            (&*good, String::new(), &files.key, "no private key"),
            (
                &*good,
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned(),
                &files.key,
                "not supported",
            ),
        ] {
            fs::write(&files.certificate, certificate).unwrap();
            fs::write(&files.key, key).unwrap();
            let error = Certificate::watch(files.clone()).unwrap_err();
            assert_eq!(&error.path, to_blame, "{error}");
            assert!(error.reason.contains(why) && !error.reason.contains("BEGIN"), "{error}");
        }
        fs::remove_file(&files.key).unwrap();
        assert_eq!(Certificate::watch(files.clone()).unwrap_err().path, files.key);
        fs::create_dir(&files.key).unwrap();
        assert!(Certificate::watch(files).unwrap_err().reason.contains("regular file"));
    }

    #[test]
    fn a_pair_that_changes_is_served_and_one_that_does_not_fit_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let ((first, key), (second, second_key)) = (pair("a"), pair("b"));
        fs::write(&files.certificate, &first).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        let (certificate, mut watcher, _told) = Certificate::begin(files.clone()).unwrap();
        let before = served(&certificate);

        // Half of a renewal, the key that is missing in between, and a file that is half written.
        fs::write(&files.certificate, &second).unwrap();
        watcher.look();
        fs::remove_file(&files.key).unwrap();
        watcher.look();
        fs::write(&files.key, &second_key.serialize_pem()[..40]).unwrap();
        watcher.look();
        assert_eq!(served(&certificate), before);
        fs::write(&files.key, second_key.serialize_pem()).unwrap();
        watcher.look();
        assert_ne!(served(&certificate), before);
    }

    #[test]
    fn the_end_and_each_change_can_be_watched() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let ((first, key), (second, second_key)) = (pair("a"), pair("b"));
        fs::write(&files.certificate, &first).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        let registry = appmixer_metrics::Registry::new();
        metrics::with_local_recorder(&registry, || {
            let (_certificate, mut watcher, _told) = Certificate::begin(files.clone()).unwrap();
            fs::write(&files.certificate, &second).unwrap();
            watcher.look();
            watcher.look();
            fs::write(&files.key, second_key.serialize_pem()).unwrap();
            watcher.look();
        });
        let page = registry.render();
        // rcgen's certificates are good until 4096.
        for line in [
            "appmixer_tls_certificate_expires_seconds 67090118400",
            "appmixer_tls_certificate_reloads_total{outcome=\"refused\"} 1",
            "appmixer_tls_certificate_reloads_total{outcome=\"read\"} 1",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }

    #[test]
    fn changes_are_seen_without_a_word_and_watching_ends_with_the_last_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let ((first, key), (second, second_key)) = (pair("a"), pair("b"));
        fs::write(&files.certificate, &first).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        let certificate = Certificate::watch(files.clone()).unwrap();
        let before = served(&certificate);
        fs::write(&files.certificate, &second).unwrap();
        fs::write(&files.key, second_key.serialize_pem()).unwrap();
        eventually(|| served(&certificate) != before);
        let current = Arc::clone(&certificate.current);
        drop(certificate);
        eventually(|| Arc::strong_count(&current) == 1);
    }
    #[test]
    fn every_kind_of_key_that_a_certificate_may_have_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let certificate = CertificateParams::new(["a".to_owned()]).unwrap().self_signed(&key).unwrap();
        fs::write(&files.certificate, certificate.pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        Certificate::watch(files).unwrap();
    }
}
