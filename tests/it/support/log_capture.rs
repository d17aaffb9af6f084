//! `LogCapture`: the log lines of the current thread.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

thread_local! {
    static CAPTURED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

// One global subscriber serves all threads. Scoped subscribers that start and end concurrently lose events, because
// tracing caches per call site whether any subscriber wants an event.
static SUBSCRIBER: Once = Once::new();

/// Captures all levels of the current thread's log until it is dropped.
pub(crate) struct LogCapture(());

impl LogCapture {
    pub(crate) fn start() -> Self {
        SUBSCRIBER.call_once(|| {
            let lines = fmt::layer().with_ansi(false).with_writer(|| ThreadWriter);
            let is_captured = dynamic_filter_fn(|_, _| CAPTURED.with_borrow(Option::is_some));
            tracing_subscriber::registry().with(lines.with_filter(is_captured)).init();
        });
        CAPTURED.set(Some(Vec::new()));
        Self(())
    }

    /// The captured lines.
    pub(crate) fn text(&self) -> String {
        CAPTURED.with_borrow(|captured| String::from_utf8(captured.clone().unwrap()).unwrap())
    }

    /// The number of captured lines that contain this text.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.text().lines().filter(|line| line.contains(text)).count()
    }
}

impl Drop for LogCapture {
    fn drop(&mut self) {
        CAPTURED.set(None);
    }
}

struct ThreadWriter;

impl Write for ThreadWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        CAPTURED.with_borrow_mut(|captured| {
            if let Some(captured) = captured {
                captured.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
