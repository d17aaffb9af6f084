//! `LogCapture`: what is logged on this thread while it lives.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

thread_local! {
    static LINES: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

// One subscriber for all threads: scoped ones that come and go beside each other lose events.
static SUBSCRIBER: Once = Once::new();

pub(crate) struct LogCapture(());

impl LogCapture {
    pub(crate) fn start() -> Self {
        SUBSCRIBER.call_once(|| {
            let lines = fmt::layer().with_ansi(false).with_writer(|| Thread);
            let is_wanted = dynamic_filter_fn(|_, _| LINES.with_borrow(Option::is_some));
            tracing_subscriber::registry().with(lines.with_filter(is_wanted)).init();
        });
        LINES.set(Some(Vec::new()));
        Self(())
    }

    pub(crate) fn text(&self) -> String {
        LINES.with_borrow(|lines| String::from_utf8(lines.clone().unwrap()).unwrap())
    }

    pub(crate) fn count(&self, words: &str) -> usize {
        self.text().lines().filter(|line| line.contains(words)).count()
    }
}

impl Drop for LogCapture {
    fn drop(&mut self) {
        LINES.set(None);
    }
}

struct Thread;

impl Write for Thread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                lines.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
