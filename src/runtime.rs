//! Finds the Tokio runtime of the current thread, and checks that it has timers.

use std::fmt;
use std::panic::catch_unwind;
use std::time::Duration;

use tokio::runtime::Handle;

/// Why the current thread cannot run a future with a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuntimeFault {
    Missing,
    NoTimers,
}

impl fmt::Display for RuntimeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the request does not run on a Tokio runtime",
            Self::NoTimers => "the timers of the Tokio runtime are disabled; build it with enable_all()",
        })
    }
}

/// Returns the runtime of the current thread, if it has timers.
pub(crate) fn current() -> Result<Handle, RuntimeFault> {
    let runtime = Handle::try_current().map_err(|_| RuntimeFault::Missing)?;
    // Tokio has no function that returns whether a runtime has timers: without them, it panics when one is created. The
    // panic is caught here, before anything was changed for the request.
    match catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))) {
        Ok(()) => Ok(runtime),
        Err(_) => Err(RuntimeFault::NoTimers),
    }
}

#[cfg(test)]
mod tests {
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
}
