//! A server that runs for a test: on a free port, in a folder of its own.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Port;
use crate::unprivileged::{done, folder, give};

const PATIENCE: Duration = Duration::from_secs(20);
const LOG: &str = "log";

/// A process that takes connections. Dropping it ends it.
pub(crate) struct Running {
    folder: TempDir,
    port: Port,
    process: Child,
}

impl Running {
    /// Starts what `command` makes for a folder and a port; it may write its settings into the folder, which then
    /// belongs to whoever runs it.
    pub(crate) fn start(name: &str, command: impl FnOnce(&Path, u16) -> Command) -> Self {
        let (folder, port) = (folder(), Port::reserve());
        let mut command = command(folder.path(), port.number());
        let log = File::create(folder.path().join(LOG)).unwrap();
        give(folder.path());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut running = Self { folder, port, process: command.spawn().unwrap() };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && running.process.try_wait().unwrap().is_none() {
            if TcpStream::connect(running.address()).is_ok() {
                return running;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{name} did not start: {}", running.log())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.port.address()
    }

    /// What is its own.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }
}

/// Starts what lasts as long as the process. A server is told to end when the thread that has started it does: the thread
/// of this one lasts.
pub(crate) fn lasting<T: Send + 'static>(start: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(start());
        loop {
            thread::park();
        }
    });
    receiver.recv().unwrap()
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            // Not `Child::kill`: it may be somebody else's.
            done(Command::new("kill").args(["-KILL", &self.process.id().to_string()]));
        }
        let _ = self.process.wait();
    }
}
