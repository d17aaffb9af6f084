//! `BlockingClock`: the system clock, which blocks a thread on demand when the thread reads it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use portcullis::clock::{Clock, TimeSource};

/// Stops a request at a chosen reading of the monotonic clock, so that a test can act in the middle of a decision.
pub(crate) struct BlockingClock {
    source: Arc<Source>,
    reached: Receiver<()>,
    resume: Sender<()>,
}

struct Source {
    /// The number of readings up to and including the blocking one; 0 if none blocks.
    readings_until_block: AtomicUsize,
    reached: Sender<()>,
    resume: Mutex<Receiver<()>>,
}

impl BlockingClock {
    pub(crate) fn new() -> Self {
        let (reached_sender, reached) = channel();
        let (resume, resume_receiver) = channel();
        let source = Source {
            readings_until_block: AtomicUsize::new(0),
            reached: reached_sender,
            resume: Mutex::new(resume_receiver),
        };
        Self { source: Arc::new(source), reached, resume }
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock::from_source(SharedSource(Arc::clone(&self.source)))
    }

    /// Blocks the thread that takes the `n`th reading from now on, where 1 is the next one.
    pub(crate) fn block_at_reading(&self, n: usize) {
        self.source.readings_until_block.store(n, Ordering::SeqCst);
    }

    /// Waits until a thread is blocked.
    pub(crate) fn wait_until_blocked(&self) {
        self.reached.recv().unwrap();
    }

    /// Lets the blocked thread continue.
    pub(crate) fn resume(&self) {
        self.resume.send(()).unwrap();
    }
}

#[derive(Clone)]
struct SharedSource(Arc<Source>);

impl TimeSource for SharedSource {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        let decrement = |readings: usize| readings.checked_sub(1);
        let before = self.0.readings_until_block.fetch_update(Ordering::SeqCst, Ordering::SeqCst, decrement);
        if before == Ok(1) {
            self.0.reached.send(()).unwrap();
            self.0.resume.lock().unwrap().recv().unwrap();
        }
        Instant::now()
    }
}
