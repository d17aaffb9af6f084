//! The metrics of the feature `metrics`: a counter of events, and the work of the hashing pool.

use std::time::Duration;

use metrics::{Key, Level, Metadata, with_recorder};

use crate::security_event::kind::EventKind;

/// Counts an event. Its labels are names of two closed lists, so there are as many series as kinds.
pub(super) fn count(kind: EventKind) {
    let key = Key::from_static_parts("portcullis_events_total", kind.labels());
    with_recorder(|recorder| recorder.register_counter(&key, &METADATA).increment(1));
}

/// Records how long a hash took, without its wait.
#[allow(dead_code, reason = "only `passwords` hashes")]
pub(crate) fn record_hash(duration: Duration) {
    with_recorder(|recorder| {
        recorder.register_histogram(&HASH_SECONDS, &METADATA).record(duration.as_secs_f64());
    });
}

/// Changes the number of hashes that wait: 1 if one starts to wait, -1 if it stops.
#[allow(dead_code, reason = "only `passwords` hashes")]
pub(crate) fn change_waiting_hashes(change: i8) {
    with_recorder(|recorder| recorder.register_gauge(&HASH_WAITING, &METADATA).increment(change));
}

static HASH_SECONDS: Key = Key::from_static_name("portcullis_hash_seconds");
static HASH_WAITING: Key = Key::from_static_name("portcullis_hash_waiting");
static METADATA: Metadata<'static> = Metadata::new("portcullis", Level::INFO, Some(module_path!()));
