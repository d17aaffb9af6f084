//! `ReceivedTokens`: the tokens whose events were applied, so that each is applied once.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::context::RevocationId;
use crate::lookup::InProgress;

/// The tokens that were received last, by the digest of their issuer and id.
#[derive(Debug)]
pub(super) struct ReceivedTokens(Mutex<State>);

#[derive(Debug)]
struct State {
    applied: HashSet<RevocationId>,
    /// The same, the oldest first.
    order: VecDeque<RevocationId>,
    in_progress: InProgress<RevocationId, bool>,
}

/// What is known of a token.
enum Known {
    Applied,
    /// Its events are applied now. The outcome is whether that succeeded.
    InProgress(watch::Receiver<Option<bool>>),
    /// This call applies them. The value identifies the call.
    New(u64),
}

impl ReceivedTokens {
    pub(super) fn new() -> Self {
        let state = State { applied: HashSet::new(), order: VecDeque::new(), in_progress: InProgress::new() };
        Self(Mutex::new(state))
    }

    /// Applies the events of a token, unless they were applied before. If they are applied now, waits for the end.
    ///
    /// # Errors
    ///
    /// Returns the error of `apply`. The token can be sent again then.
    pub(super) async fn apply_once<E>(
        &self,
        token: RevocationId,
        apply: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        let call = loop {
            match self.begin(token) {
                Known::Applied => return Ok(()),
                Known::New(call) => break call,
                // If it failed or was canceled, this call tries.
                Known::InProgress(mut outcome) => drop(outcome.wait_for(Option::is_some).await),
            }
        };
        // However this ends, even if the transmitter closes the connection, it is no longer in progress.
        let mut guard = Guard { tokens: self, token, call, is_applied: false };
        let result = apply.await;
        guard.is_applied = result.is_ok();
        result
    }

    fn begin(&self, token: RevocationId) -> Known {
        let mut state = self.lock();
        if state.applied.contains(&token) {
            return Known::Applied;
        }
        match state.in_progress.join(&token) {
            Some(outcome) => Known::InProgress(outcome),
            None => Known::New(state.in_progress.start(token).0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A poisoned lock is used as well: nothing that can panic runs between related changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call in progress.
struct Guard<'a> {
    tokens: &'a ReceivedTokens,
    token: RevocationId,
    call: u64,
    is_applied: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut state = self.tokens.lock();
        if self.is_applied && state.applied.insert(self.token) {
            if state.order.len() == CAPACITY
                && let Some(oldest) = state.order.pop_front()
            {
                state.applied.remove(&oldest);
            }
            state.order.push_back(self.token);
        }
        if let Some(sender) = state.in_progress.finish(&self.token, self.call) {
            sender.send_replace(Some(self.is_applied));
        }
    }
}

/// Half a megabyte. A transmitter sends a token again within minutes, and a token that is applied twice revokes nothing
/// more.
const CAPACITY: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::context::RevocationKind;

    fn id(number: usize) -> RevocationId {
        RevocationId::of(RevocationKind::ApiKey { id: &number.to_string() })
    }

    #[tokio::test]
    async fn a_token_is_applied_once_and_again_after_a_failure() {
        let tokens = ReceivedTokens::new();
        let calls = &AtomicUsize::new(0);
        let apply = |result: Result<(), &'static str>| {
            tokens.apply_once(id(1), async move {
                calls.fetch_add(1, Ordering::Relaxed);
                result
            })
        };
        assert_eq!(apply(Err("down")).await, Err("down"));
        assert_eq!(apply(Ok(())).await, Ok(()));
        assert_eq!(apply(Err("not called")).await, Ok(()));
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_token_that_arrives_while_it_is_applied_waits_for_the_outcome() {
        let tokens = ReceivedTokens::new();
        let (release, released) = tokio::sync::oneshot::channel::<Result<(), ()>>();
        let first = tokens.apply_once(id(1), async { released.await.unwrap_or(Err(())) });
        let second = tokens.apply_once(id(1), async { Err(()) });
        let release = async {
            // Both have started by now.
            tokio::task::yield_now().await;
            release.send(Ok(())).unwrap();
        };
        assert_eq!(tokio::join!(first, second, release), (Ok(()), Ok(()), ()));
    }

    #[tokio::test]
    async fn a_canceled_call_does_not_block_the_next_one() {
        let tokens = ReceivedTokens::new();
        let mut canceled = Box::pin(tokens.apply_once(id(1), std::future::pending::<Result<(), ()>>()));
        assert!(futures_util::poll!(&mut canceled).is_pending());
        drop(canceled);
        assert_eq!(tokens.apply_once(id(1), async { Err("called") }).await, Err("called"));
    }

    #[tokio::test]
    async fn memory_is_bounded_and_the_oldest_token_is_forgotten_first() {
        let tokens = ReceivedTokens::new();
        for number in 0..=CAPACITY {
            assert_eq!(tokens.apply_once(id(number), async { Ok::<(), ()>(()) }).await, Ok(()));
        }
        let sizes = |state: &State| (state.applied.len(), state.order.len());
        assert_eq!(sizes(&tokens.lock()), (CAPACITY, CAPACITY));
        assert_eq!(tokens.apply_once(id(1), async { Err(()) }).await, Ok(()));
        assert_eq!(tokens.apply_once(id(0), async { Err("called") }).await, Err("called"));
    }
}
