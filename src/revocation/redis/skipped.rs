//! `Skipped`: the entries that a process cannot apply.

use crate::revocation::redis::stream_id::StreamId;

/// The entries of a read that could not be applied.
#[derive(Default)]
pub(super) struct Skipped {
    first: Option<StreamId>,
    count: usize,
}

impl Skipped {
    pub(super) fn add(&mut self, id: StreamId) {
        self.first.get_or_insert(id);
        self.count += 1;
    }

    pub(super) fn log(&self) {
        if let Some(first) = self.first {
            tracing::warn!(
                %first,
                count = self.count,
                "skipped entries of the stream of revocations: they are malformed, or of a newer version of portcullis"
            );
        }
    }
}
