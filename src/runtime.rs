//! Finds the Tokio runtime of the current thread, and checks that it has timers.

use std::cell::Cell;
use std::fmt;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, Id};

/// Why the current thread cannot run a future with a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuntimeFault {
    Missing,
    NoTimers,
}

impl fmt::Display for RuntimeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the code does not run on a Tokio runtime",
            Self::NoTimers => "the timers of the Tokio runtime are disabled; build it with enable_all()",
        })
    }
}

/// Returns the runtime of the current thread, if it has timers.
pub(crate) fn current() -> Result<Handle, RuntimeFault> {
    let runtime = Handle::try_current().map_err(|_| RuntimeFault::Missing)?;
    if is_known_without_timers(runtime.id()) {
        return Err(RuntimeFault::NoTimers);
    }
    // Tokio has no function that returns whether a runtime has timers: without them, it panics when one is created. The
    // panic is caught here, before anything was changed for the request.
    match catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))) {
        Ok(()) => Ok(runtime),
        Err(_) => {
            WITHOUT_TIMERS.set(Some((runtime.id(), Instant::now())));
            Err(RuntimeFault::NoTimers)
        }
    }
}

/// Whether a panic on this thread has shown a moment ago that the runtime has no timers.
///
/// Each panic runs the panic hook, which writes to the log of the app. So a runtime causes one per thread and minute,
/// however many requests it serves. It is not remembered for longer, because a later runtime may have the same id.
fn is_known_without_timers(id: Id) -> bool {
    WITHOUT_TIMERS.get().is_some_and(|(known, since)| known == id && since.elapsed() < REMEMBERED)
}

thread_local! {
    /// The last runtime of this thread that was found to have no timers, and when.
    static WITHOUT_TIMERS: Cell<Option<(Id, Instant)>> = const { Cell::new(None) };
}

const REMEMBERED: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::panic;
    use std::process::Command;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn a_runtime_needs_timers() {
        assert_eq!(current().err(), Some(RuntimeFault::Missing));
        let without_timers = Builder::new_current_thread().build().unwrap();
        assert_eq!(without_timers.block_on(async { current().err() }), Some(RuntimeFault::NoTimers));
        let with_timers = Builder::new_current_thread().enable_time().build().unwrap();
        assert!(with_timers.block_on(async { current().is_ok() }));
    }

    /// The variable that the process of the test has, so that no other run of it sets a hook.
    const COUNTS_PANICS: &str = "PORTCULLIS_TEST_COUNTS_PANICS";

    #[test]
    fn a_runtime_without_timers_causes_one_panic_on_a_thread() {
        // Runs the test below in a process of its own, because a panic hook is global.
        let test = "runtime::tests::count_panics";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(COUNTS_PANICS, "")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("panics: 2\n"), "{text}");
    }

    #[test]
    #[ignore = "the process that the test above starts"]
    fn count_panics() {
        static PANICS: AtomicUsize = AtomicUsize::new(0);
        if std::env::var(COUNTS_PANICS).is_err() {
            return;
        }
        panic::set_hook(Box::new(|_| {
            PANICS.fetch_add(1, Ordering::Relaxed);
        }));
        for _ in 0..2 {
            let without_timers = Builder::new_current_thread().build().unwrap();
            for _ in 0..10 {
                assert_eq!(without_timers.block_on(async { current().err() }), Some(RuntimeFault::NoTimers));
            }
        }
        println!("panics: {}", PANICS.load(Ordering::Relaxed));
    }
}
