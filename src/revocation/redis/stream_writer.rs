//! `StreamWriter`: hands records over to the thread that writes them to the stream.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

use crate::revocation::record::Record;
use crate::revocation::redis::queue::WriteQueue;

/// Hands records over to the thread that writes them. When it is dropped, the thread ends.
pub(in crate::revocation) struct StreamWriter {
    queue: Arc<WriteQueue>,
    /// How many revocations may be in the table and not in the queue yet.
    entering: AtomicUsize,
    /// The thread waits for this to be dropped.
    _handle: oneshot::Sender<()>,
}

impl StreamWriter {
    /// Returns the writer, and what becomes an error when it is dropped.
    pub(super) fn new(queue: Arc<WriteQueue>) -> (Self, oneshot::Receiver<()>) {
        let (handle, dropped) = oneshot::channel();
        (Self { queue, entering: AtomicUsize::new(0), _handle: handle }, dropped)
    }

    /// Call it before a record is applied to the table.
    pub(in crate::revocation) fn enter(&self) -> Entering<'_> {
        self.entering.fetch_add(1, Ordering::SeqCst);
        Entering(self)
    }
}

/// A record that is applied to the table first, and then queued.
pub(in crate::revocation) struct Entering<'a>(&'a StreamWriter);

impl Entering<'_> {
    /// Queues a record at once. The future is ready when the stream has stored it, or has failed to.
    ///
    /// `has_changed` is whether the record has changed the table.
    pub(in crate::revocation) fn write(
        self,
        record: Record,
        has_changed: bool,
    ) -> impl Future<Output = Result<(), NotStored>> + Send + use<> {
        let StreamWriter { queue, entering, .. } = self.0;
        // What has the effect of a record that changes nothing is in the queue or stored, unless another thread is
        // between the two steps.
        let may_join = !has_changed && entering.load(Ordering::SeqCst) == 1;
        let joined = if may_join { queue.join() } else { None };
        let receiver = joined.or_else(|| queue.push(record));
        async move {
            match receiver {
                // Without a result, the thread has ended.
                Some(receiver) => receiver.await.unwrap_or_else(|_| Err(ENDED.into())).map_err(NotStored),
                None => Err(NotStored(FULL.into())),
            }
        }
    }
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        self.0.entering.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The stream has not stored a record. The text says why, and is without secrets.
#[derive(Debug)]
pub(in crate::revocation) struct NotStored(Cow<'static, str>);

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for NotStored {}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter").finish_non_exhaustive()
    }
}

const ENDED: &str = "the thread portcullis-revocations has ended";
const FULL: &str = "too many revocations wait to be stored";
