//! `StreamWriter`: hands records over to the thread that writes them to the stream.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::revocation::record::Record;
use crate::revocation::redis::queue::WriteQueue;

/// Hands records over to the thread that writes them. When it is dropped, the thread ends.
pub(in crate::revocation) struct StreamWriter {
    queue: Arc<WriteQueue>,
    /// The thread waits for this to be dropped.
    _handle: oneshot::Sender<()>,
}

impl StreamWriter {
    /// Returns the writer, and what becomes an error when it is dropped.
    pub(super) fn new(queue: Arc<WriteQueue>) -> (Self, oneshot::Receiver<()>) {
        let (handle, dropped) = oneshot::channel();
        (Self { queue, _handle: handle }, dropped)
    }

    /// Queues a record at once. The future is ready when the stream has stored it, or has failed to.
    pub(in crate::revocation) fn write(
        &self,
        record: Record,
    ) -> impl Future<Output = Result<(), NotStored>> + Send + use<> {
        let receiver = self.queue.push(record);
        async move {
            match receiver {
                // Without a result, the thread has ended.
                Some(receiver) => receiver.await.unwrap_or_else(|_| Err(ENDED.into())).map_err(NotStored),
                None => Err(NotStored(FULL.into())),
            }
        }
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
