//! The thread that follows and writes the stream.

use std::io;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use redis::Client;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::revocation::redis::follower::Follower;
use crate::revocation::redis::health::Health;
use crate::revocation::redis::queue::WriteQueue;
use crate::revocation::redis::server::Server;
use crate::revocation::redis::stream_writer::StreamWriter;
use crate::revocation::redis::writer::Writer;
use crate::revocation::shared::{Shared, Unavailable};

/// The settings of a stream.
pub(in crate::revocation) struct StreamSettings {
    pub(in crate::revocation) client: Client,
    pub(in crate::revocation) key: Arc<str>,
    pub(in crate::revocation) stale_for: Duration,
    pub(in crate::revocation) fails_open: bool,
}

/// What the thread needs.
struct StreamThread {
    settings: StreamSettings,
    queue: Arc<WriteQueue>,
    dropped: oneshot::Receiver<()>,
    runtime: Runtime,
}

impl StreamSettings {
    /// Starts the thread, which keeps this table up to date while a handle exists.
    ///
    /// # Errors
    ///
    /// Returns the error of the system if it has no more file descriptors or threads.
    pub(in crate::revocation) fn start(self, mut shared: Shared, clock: Clock) -> io::Result<Arc<Shared>> {
        // In this thread, so that the error is one of `build()`.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let queue = Arc::new(WriteQueue::default());
        let (writer, dropped) = StreamWriter::new(Arc::clone(&queue));
        shared.stream = Some(writer);
        shared.set_unavailable(Unavailable::Unread);
        let shared = Arc::new(shared);
        let end = ThreadEnd { shared: Arc::downgrade(&shared), queue: Arc::clone(&queue) };
        let stream = StreamThread { settings: self, queue, dropped, runtime };
        // Names the stream in each log line of the thread.
        let span = tracing::error_span!("revocations", stream = %stream.settings.key);
        let thread = thread::Builder::new().name("portcullis-revocations".to_owned());
        thread.spawn(move || {
            let _span = span.entered();
            let end = end;
            stream.run(&end.shared, clock);
        })?;
        Ok(shared)
    }
}

impl StreamThread {
    fn run(self, shared: &Weak<Shared>, clock: Clock) {
        let Self { settings, queue, dropped, runtime } = self;
        let StreamSettings { client, key, stale_for, fails_open } = settings;
        let server = Arc::new(Server::new(client));
        let writer = Writer {
            server: Arc::clone(&server),
            queue: Arc::clone(&queue),
            key: Arc::clone(&key),
            shared: Weak::clone(shared),
        };
        let health = Health::new(stale_for, fails_open, clock.monotonic());
        let follower = Follower::new(server, queue, Weak::clone(shared), key, clock, health);
        runtime.block_on(async move {
            let mut tasks = JoinSet::new();
            tasks.spawn(follower.run());
            tasks.spawn(writer.run());
            tasks.spawn(async move {
                // An error, when the handle is dropped.
                let _ = dropped.await;
            });
            // The first one to end ends the others, in the middle of a blocking read too. A panic is logged by its
            // hook.
            let _ = tasks.join_next().await;
        });
    }
}

/// Stops the use of the table when the thread ends, also by a panic, unless the last handle was dropped.
struct ThreadEnd {
    shared: Weak<Shared>,
    queue: Arc<WriteQueue>,
}

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(shared) = self.shared.upgrade() {
            shared.set_unavailable(Unavailable::Unread);
            tracing::error!(
                "the thread portcullis-revocations has panicked: requests with a credential get 503 until the app is \
                 restarted"
            );
        }
    }
}
