//! A terminal: what a person at the keyboard sees and types.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::support::eventually;

/// A program that runs at a terminal of its own.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts a program with the terminal as its standard streams, and as its controlling terminal, which is
    /// where passwords are asked for.
    pub(crate) fn run(command: &Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(name).unwrap();

        let mut at_terminal = Command::new("setsid");
        at_terminal.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        at_terminal.env_clear();
        at_terminal.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            at_terminal.current_dir(folder);
        }
        at_terminal.stdin(slave.try_clone().unwrap());
        at_terminal.stdout(slave.try_clone().unwrap()).stderr(slave);
        let child = at_terminal.spawn().unwrap();
        drop(at_terminal);

        let keyboard = File::from(master);
        let (mut output, screen) = (keyboard.try_clone().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&screen);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            // An error is the end: the program has closed its side.
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                seen.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Self { child, keyboard, screen, reader: Some(reader) }
    }

    /// Everything that was shown so far, echoed keys included.
    pub(crate) fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits until something is shown, so many times.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str, times: usize) {
        eventually(|| self.screen().matches(text).count() >= times);
    }

    /// Waits until what is typed is not shown: a prompt for a secret comes just before that.
    #[track_caller]
    pub(crate) fn wait_until_hidden(&self) {
        eventually(|| !tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO));
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, text: &str) {
        self.keyboard.write_all(format!("{text}\n").as_bytes()).unwrap();
    }

    /// Types keys, without Return.
    #[allow(dead_code, reason = "the full tests use it")]
    pub(crate) fn type_keys(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        (&self.keyboard).write_all(b"\x03").unwrap();
    }

    /// How the program ended, and all that it has shown.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        (status, self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
