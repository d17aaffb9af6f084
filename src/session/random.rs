//! Random bytes of the operating system.

use zeroize::Zeroizing;

/// The operating system provides no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RandomUnavailable;

/// Returns random bytes of the operating system.
///
/// # Errors
///
/// Returns [`RandomUnavailable`] if its generator fails.
pub(super) fn random_bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, RandomUnavailable> {
    let mut bytes = Zeroizing::new([0; N]);
    fill(&mut *bytes)?;
    Ok(bytes)
}

#[cfg(not(test))]
fn fill(bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
    getrandom::fill(bytes).map_err(|_| RandomUnavailable)
}

/// Fails if the test says so.
#[cfg(test)]
fn fill(bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
    if failure::IS_ON.get() { Err(RandomUnavailable) } else { getrandom::fill(bytes).map_err(|_| RandomUnavailable) }
}

/// A generator that fails, in the thread of a test.
#[cfg(test)]
pub(super) mod failure {
    use std::cell::Cell;

    thread_local! {
        pub(super) static IS_ON: Cell<bool> = const { Cell::new(false) };
    }

    pub(in crate::session) fn set(is_on: bool) {
        IS_ON.set(is_on);
    }
}
