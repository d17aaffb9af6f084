//! The Tokio runtime of the current thread, which runs calls and their timers.

use std::panic::catch_unwind;
use std::time::Duration;

use tokio::runtime::Handle;

/// Why no call can be made from the current thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuntimeFault {
    Missing,
    NoTimers,
}

impl RuntimeFault {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Missing => "the request does not run on a Tokio runtime",
            Self::NoTimers => "the timers of the Tokio runtime are disabled",
        }
    }
}

/// Returns the runtime of the current thread, if it can run a call with a deadline.
pub(super) fn current() -> Result<Handle, RuntimeFault> {
    let runtime = Handle::try_current().map_err(|_| RuntimeFault::Missing)?;
    // Whether a runtime has timers can not be queried: Tokio panics when one is created. The panic is caught here, and
    // not in the middle of a request.
    match catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))) {
        Ok(()) => Ok(runtime),
        Err(_) => Err(RuntimeFault::NoTimers),
    }
}
