//! `LogCapture`: the log lines of the current thread.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Mutex, Once};
use std::thread;

use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::event_capture;

thread_local! {
    static CAPTURED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

// One global subscriber serves all threads. Scoped subscribers that start and end concurrently lose events, because
// tracing caches per call site whether any subscriber wants an event.
static SUBSCRIBER: Once = Once::new();

/// What the threads that follow a stream of revocations have logged, a line each.
static STREAM_LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Installs the subscriber of the process.
pub(super) fn install() {
    SUBSCRIBER.call_once(|| {
        let lines = fmt::layer().with_ansi(false).with_writer(|| ThreadWriter);
        let is_captured = dynamic_filter_fn(|_, _| CAPTURED.with_borrow(Option::is_some) || is_stream_thread());
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(is_captured));
        subscriber.with(event_capture::layer()).init();
    });
}

/// Captures all levels of the current thread's log until it is dropped.
pub(crate) struct LogCapture(());

impl LogCapture {
    pub(crate) fn start() -> Self {
        install();
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

/// Returns the lines about the stream of revocations with this key, which a thread of its own logs. A `LogCapture` must
/// have been started before.
pub(crate) fn lines_about_stream(key: &str) -> Vec<String> {
    let span = format!("stream={key}}}");
    let lines = STREAM_LINES.lock().unwrap();
    lines.iter().filter(|line| line.contains(&span)).cloned().collect()
}

fn is_stream_thread() -> bool {
    thread::current().name() == Some("portcullis-revocations")
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
        if is_stream_thread() {
            STREAM_LINES.lock().unwrap().push(String::from_utf8_lossy(bytes).into_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
