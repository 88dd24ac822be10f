//! Being told to stop: a long command ends between two steps, and says how far it came.

use std::io;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Notes Ctrl-C and SIGTERM, from when it is made.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Ready when told.
    pub(super) async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Does something that cannot be ended between two steps, on a thread of its own. Told to stop meanwhile, it goes on
/// no longer than the program, which the caller ends.
pub(super) fn unless_told<T: Send + 'static>(
    otherwise: &str,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let mut stop = Stop::new()?;
        tokio::select! {
            biased;
            () = stop.told() => Err(Failure::refused(format!("interrupted; {otherwise}"))),
            done = tokio::task::spawn_blocking(work) => {
                done.unwrap_or_else(|_| Err(Failure::refused("a defect: it panicked")))
            }
        }
    });
    runtime.shutdown_background();
    outcome
}
