//! The metrics of the feature `metrics`: a counter of events, and the work of the hashing pool.

#[cfg(feature = "passwords")]
use std::time::Duration;

use metrics::{Key, Level, Metadata, with_recorder};

use crate::security_event::kind::EventKind;

/// Counts an event. Its labels are names of two closed lists, so there are as many series as kinds.
pub(super) fn count(kind: EventKind) {
    let key = Key::from_static_parts("portcullis_events_total", kind.labels());
    with_recorder(|recorder| recorder.register_counter(&key, &METADATA).increment(1));
}

/// Records how long a hash took, without its wait.
#[cfg(feature = "passwords")]
pub(crate) fn record_hash(duration: Duration) {
    with_recorder(|recorder| {
        recorder.register_histogram(&HASH_SECONDS, &METADATA).record(duration.as_secs_f64());
    });
}

/// Records how many hashes wait.
#[cfg(feature = "passwords")]
pub(crate) fn record_waiting_hashes(count: usize) {
    with_recorder(|recorder| recorder.register_gauge(&HASH_WAITING, &METADATA).set(count as f64));
}

#[cfg(feature = "passwords")]
static HASH_SECONDS: Key = Key::from_static_name("portcullis_hash_seconds");
#[cfg(feature = "passwords")]
static HASH_WAITING: Key = Key::from_static_name("portcullis_hash_waiting");
static METADATA: Metadata<'static> = Metadata::new("portcullis", Level::INFO, Some(module_path!()));
