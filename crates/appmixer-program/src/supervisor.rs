//! What systemd is told (`sd_notify(3)`); nothing where nobody asks.

use sd_notify::NotifyState;
use tokio::time::interval;

/// Connections are taken.
pub(crate) fn ready() {
    tell(NotifyState::Ready);
}

/// The last requests run.
pub(crate) fn stopping() {
    tell(NotifyState::Stopping);
}

/// Says again and again that the threads which serve requests get round to it (`WatchdogSec=`).
pub(crate) async fn alive() {
    let Some(patience) = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero()) else {
        return;
    };
    let mut interval = interval(patience / 3);
    loop {
        interval.tick().await;
        tell(NotifyState::Watchdog);
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}
