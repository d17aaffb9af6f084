//! `KeySearch`: the result of a search for a missing key, and the fetch to wait for.

use std::time::Duration;

use tokio::sync::watch;

use crate::runtime;

/// The result of a search for a missing key.
#[derive(Debug)]
pub(crate) enum KeySearch {
    /// The issuer has no such key.
    Absent,
    /// A fetch that may bring the key is in progress.
    Fetching(PendingFetch),
    /// The issuer cannot be reached.
    Unavailable { retry_after: Duration },
}

/// A fetch to wait for.
#[derive(Debug)]
pub(crate) struct PendingFetch {
    pub(super) finished: watch::Receiver<()>,
    /// Whether the fetch started before the search, so that the issuer may have responded before it published the key.
    pub(crate) started_earlier: bool,
    /// How long after its start a fetch counts as lost.
    pub(super) lost_after: Duration,
}

impl PendingFetch {
    /// Waits until the fetch finishes or counts as lost.
    pub(crate) async fn wait(&mut self) {
        // The result is ignored: in any case, the token is verified again. An error of `changed` would mean that the
        // sender was dropped, but it lives as long as the `RemoteKeys`.
        let finished = self.finished.changed();
        if runtime::current().is_ok() {
            let _ = tokio::time::timeout(self.lost_after, finished).await;
        } else {
            // Without a runtime that has timers no fetch could start, and `start_fetch` has already sent the
            // notification. A fetch on another runtime sends it when it ends, however it ends.
            let _ = finished.await;
        }
    }
}
