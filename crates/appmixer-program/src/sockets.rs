//! The sockets that the server listens on: those of the configuration, or those that systemd hands over.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use appmixer_http::Listener;
use appmixer_tls::{Certificate, Files};
use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixSocket};

use crate::commands::health::Place;
use crate::config::{Config, FileMode, TlsConfig};
use crate::failure::Failure;

/// Connections that may wait to be accepted; the system caps it.
const BACKLOG: u32 = 4096;

/// The sockets that systemd hands over (`sd_listen_fds(3)`), each with its name.
pub(crate) struct Inherited {
    sockets: ListenFd,
    names: Vec<String>,
}

impl Inherited {
    /// Takes them, and the variables that tell of them: before there are threads.
    pub(crate) fn take() -> Self {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        Self { sockets: ListenFd::from_env(), names: names.split(':').map(str::to_owned).collect() }
    }
}

/// What the server listens on. What it has made in the file system goes with it.
pub(crate) struct Sockets {
    listeners: Vec<Listener>,
    certificate: Option<Certificate>,
    _file: Option<SocketFile>,
}

impl Sockets {
    /// Opens what the configuration names; or takes what systemd hands over in the place of all of these.
    ///
    /// Must be called within a tokio runtime.
    pub(crate) fn open(config: &Config, inherited: Inherited) -> Result<Self, Failure> {
        let tls = Tls::of(&config.tls)?;
        let (listeners, file) = if inherited.sockets.len() > 0 {
            (take_over(inherited, tls.as_ref())?, None)
        } else {
            open(config, tls.as_ref())?
        };
        if listeners.is_empty() {
            return Err(nothing_to_listen_on());
        }
        Ok(Self { listeners, certificate: tls.map(|tls| tls.certificate), _file: file })
    }

    /// Tells the log where they are.
    pub(crate) fn tell(&self, data: &Path, database: &str) -> io::Result<()> {
        let told = |protocol: &str, address: &dyn Display| {
            let version = env!("CARGO_PKG_VERSION");
            tracing::info!(%address, protocol, data = %data.display(), database, version, "listening");
        };
        for listener in &self.listeners {
            match listener {
                Listener::Tcp(listener) => told("http", &listener.local_addr()?),
                Listener::Tls(listener, _) => told("https", &listener.local_addr()?),
                Listener::Unix(listener) => {
                    let address = listener.local_addr()?;
                    told("http", &address.as_pathname().unwrap_or(Path::new("unnamed")).display());
                }
            }
        }
        Ok(())
    }

    /// Where a browser on this machine finds the server; with TLS, if there is a choice. None where only Unix sockets
    /// listen.
    pub(crate) fn url(&self) -> Option<String> {
        let tls = self.listeners.iter().find_map(|listener| match listener {
            Listener::Tls(listener, _) => Some(url("https", listener.local_addr().ok()?)),
            _ => None,
        });
        let plain = || {
            self.listeners.iter().find_map(|listener| match listener {
                Listener::Tcp(listener) => Some(url("http", listener.local_addr().ok()?)),
                _ => None,
            })
        };
        tls.or_else(plain)
    }

    /// They themselves, once.
    pub(crate) fn listeners(&mut self) -> Vec<Listener> {
        std::mem::take(&mut self.listeners)
    }

    pub(crate) const fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }
}

/// Who listens on all addresses is asked on this machine's own.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// The address of a listener, for a browser on this machine.
pub(crate) fn url(scheme: &str, address: SocketAddr) -> String {
    format!("{scheme}://{}", reachable(address))
}

struct Tls {
    certificate: Certificate,
    config: Arc<rustls::ServerConfig>,
}

impl Tls {
    /// None where there is no certificate.
    fn of(config: &TlsConfig) -> Result<Option<Self>, Failure> {
        let (Some(certificate), Some(key)) = (&config.certificate, &config.key) else {
            return Ok(None);
        };
        let refused = |error: appmixer_tls::CertificateError| {
            let key = if error.path == *key { "tls.key" } else { "tls.certificate" };
            Failure::configuration(format!("{key}: {error}"))
        };
        let files = Files { certificate: certificate.clone(), key: key.clone() };
        let certificate = Certificate::watch(files).map_err(refused)?;
        let protocols: &[&[u8]] = if config.http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        let config = Arc::new(certificate.server_config(protocols).map_err(refused)?);
        Ok(Some(Self { certificate, config }))
    }
}

fn open(config: &Config, tls: Option<&Tls>) -> Result<(Vec<Listener>, Option<SocketFile>), Failure> {
    let mut listeners = Vec::new();
    if let Some(address) = config.listen.0 {
        listeners.push(Listener::Tcp(listen(address)?));
    }
    if let Some((address, tls)) = config.tls.listen.zip(tls) {
        listeners.push(Listener::Tls(listen(address)?, Arc::clone(&tls.config)));
    }
    let Some(path) = &config.listen_unix else {
        return Ok((listeners, None));
    };
    let (listener, file) = listen_at(path, config.listen_unix_mode)
        .map_err(|error| Failure::configuration(format!("cannot listen on {}: {error}", path.display())))?;
    listeners.push(Listener::Unix(listener));
    Ok((listeners, Some(file)))
}

/// What a check of the listeners has found.
pub(crate) struct Checked {
    pub(crate) failures: Vec<Failure>,
    /// Addresses on which another process listens.
    pub(crate) busy: Vec<(Place, Failure)>,
}

/// Checks that the server can listen as the configuration says, its certificate included. Whether addresses are free
/// is checked only if that is wanted.
///
/// Must be called within a tokio runtime.
pub(crate) fn check(config: &Config, free: bool) -> Checked {
    let mut failures: Vec<_> = Tls::of(&config.tls).err().into_iter().collect();
    let mut busy = Vec::new();
    let plain = [config.listen.0, config.management.listen].map(|address| address.map(Place::Plain));
    if config.listen.0.is_none() && config.tls.listen.is_none() && config.listen_unix.is_none() {
        failures.push(nothing_to_listen_on());
    }
    if free {
        // All at once: two of them may be the same.
        let mut listeners = Vec::new();
        for place in plain.into_iter().chain([config.tls.listen.map(Place::Tls)]).flatten() {
            let (Place::Plain(address) | Place::Tls(address)) = place else { continue };
            match try_listen(address) {
                Ok(listener) => listeners.push(listener),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    busy.push((place, cannot_listen(address, &error)));
                }
                Err(error) => failures.push(cannot_listen(address, &error)),
            }
        }
    }
    if let Some(path) = &config.listen_unix {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let failure = |why: &str| cannot_listen(path.display(), &why);
        match fs::symlink_metadata(path) {
            _ if !folder.is_dir() => failures.push(failure("there is no such folder")),
            Ok(file) if !file.file_type().is_socket() => {
                failures.push(failure("there is something that is no socket"));
            }
            Ok(_) if free && UnixStream::connect(path).is_ok() => {
                busy.push((Place::Unix(path.clone()), failure("a server listens there")));
            }
            _ => {}
        }
    }
    Checked { failures, busy }
}

fn cannot_listen(place: impl Display, why: &dyn Display) -> Failure {
    Failure::configuration(format!("cannot listen on {place}: {why}"))
}

fn nothing_to_listen_on() -> Failure {
    Failure::configuration("listen: is off, and neither tls.listen nor listen_unix is set")
}

pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    try_listen(address).map_err(|error| cannot_listen(address, &error))
}

fn try_listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart need not wait for the old connections' last packets.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The file of a Unix socket, which is of no use without its server.
struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have put its own in the place of this one.
        if fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn listen_at(path: &Path, mode: FileMode) -> io::Result<(UnixListener, SocketFile)> {
    if let Ok(file) = fs::symlink_metadata(path) {
        if !file.file_type().is_socket() {
            return Err(io::Error::other("there is something that is no socket"));
        }
        // Left behind by a server that was killed, unless somebody answers.
        match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            Err(error) => return Err(error),
            Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let file = SocketFile { path: path.to_owned(), inode: fs::symlink_metadata(path)?.ino() };
    // Nobody can connect before this.
    fs::set_permissions(path, fs::Permissions::from_mode(mode.0))?;
    Ok((socket.listen(BACKLOG)?, file))
}

/// What a socket of this name is for; systemd calls it after its unit unless told otherwise.
fn is_for_tls(name: &str) -> Result<bool, Failure> {
    match name {
        "tls" => Ok(true),
        "" | "plain" | "unknown" => Ok(false),
        unit if unit.ends_with(".socket") => Ok(false),
        other => Err(Failure::configuration(format!(
            "systemd hands over a socket named {other:?}: FileDescriptorName= must be plain or tls"
        ))),
    }
}

fn take_over(inherited: Inherited, tls: Option<&Tls>) -> Result<Vec<Listener>, Failure> {
    let Inherited { mut sockets, names } = inherited;
    let mut listeners = Vec::new();
    for index in 0..sockets.len() {
        let name = names.get(index).map(String::as_str).unwrap_or_default();
        let is_for_tls = is_for_tls(name)?;
        let refused = |why: &dyn Display| {
            Failure::configuration(format!("the socket {name:?} that systemd hands over: {why}"))
        };
        let failed = |error: io::Error| refused(&error);
        if let Ok(Some(socket)) = sockets.take_tcp_listener(index) {
            check_listens(&socket).and_then(|()| socket.set_nonblocking(true)).map_err(failed)?;
            let listener = TcpListener::from_std(socket).map_err(failed)?;
            listeners.push(match tls.filter(|_| is_for_tls) {
                Some(tls) => Listener::Tls(listener, Arc::clone(&tls.config)),
                None if is_for_tls => return Err(refused(&"TLS needs tls.certificate and tls.key")),
                None => Listener::Tcp(listener),
            });
        } else if let Ok(Some(socket)) = sockets.take_unix_listener(index) {
            if is_for_tls {
                return Err(refused(&"TLS is for TCP alone"));
            }
            check_listens(&socket).and_then(|()| socket.set_nonblocking(true)).map_err(failed)?;
            listeners.push(Listener::Unix(UnixListener::from_std(socket).map_err(failed)?));
        } else {
            return Err(refused(&"is neither TCP nor a stream in the file system"));
        }
    }
    Ok(listeners)
}

/// With `Accept=yes`, systemd hands over connections instead.
fn check_listens(socket: impl AsFd) -> io::Result<()> {
    if socket_acceptconn(socket)? { Ok(()) } else { Err(io::Error::other("it does not listen (Accept=no)")) }
}
