//! `EventPoller`: fetches security event tokens from the transmitter (RFC 8936).

mod exchange;
mod panic;
mod pause;

use std::time::{Duration, Instant};

use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LANGUAGE, CONTENT_TYPE};
use http::{HeaderValue, Request};
use tokio::time::{sleep, timeout};

use crate::http_client::client::SharedHttpClient;
use crate::runtime;
use crate::shared_signals::error::SetError;
use crate::shared_signals::handlers::PollAuthorization;
use crate::shared_signals::policy::Policy;
use crate::shared_signals::poller::exchange::{Batch, PollError, Results};
use crate::shared_signals::poller::panic::without_panic;
use crate::shared_signals::poller::pause::Pauses;

/// Fetches security events from the polling endpoint of an identity provider (RFC 8936); see the
/// [module](crate::shared_signals#polling).
///
/// It does nothing until [`run`](Self::run) is spawned.
#[derive(Debug)]
#[must_use]
pub struct EventPoller {
    policy: Policy,
    url: String,
    authorization: PollAuthorization,
    client: SharedHttpClient,
}

impl EventPoller {
    pub(super) fn new(policy: Policy, url: String, authorization: PollAuthorization, client: SharedHttpClient) -> Self {
        Self { policy, url, authorization, client }
    }

    /// Polls until the future is dropped, one request at a time.
    ///
    /// Spawn it at startup. If it is dropped, for example by [`JoinHandle::abort`](tokio::task::JoinHandle::abort), the
    /// request in progress is canceled. Tokens that are not acknowledged then arrive again at the next start.
    ///
    /// It returns only if it does not run in a Tokio runtime with timers, after an error in the log.
    pub async fn run(self) {
        if let Err(fault) = runtime::current() {
            tracing::error!(reason = %fault, "security events are not polled");
            return;
        }
        let mut results = Results::default();
        let mut pauses = Pauses::default();
        loop {
            let started = self.now();
            let poll = timeout(POLL_TIMEOUT, self.poll(&results, pauses.max_events()));
            let polled = without_panic(poll).await.ok_or(PollError::Panicked);
            let next = match polled.and_then(|polled| polled.unwrap_or(Err(PollError::TimedOut))) {
                Ok(batch) => {
                    // The transmitter has received the results.
                    let earlier = std::mem::take(&mut results);
                    let applied = self.apply(&batch, &mut results).await;
                    if !applied {
                        self.now().checked_add(pauses.after_failed_events(!results.is_empty()))
                    } else if results.applied().all(|id| earlier.contains(id)) {
                        // No new event. A transmitter that ignores acknowledgments, sends only invalid tokens or does
                        // not wait for events must not cause a request after the other.
                        started.checked_add(pauses.after_success())
                    } else {
                        pauses.after_success();
                        None
                    }
                }
                Err(error) => {
                    let pause = pauses.after_failed_poll(error.retry_after());
                    self.log(&error, pause);
                    self.now().checked_add(pause)
                }
            };
            if let Some(next) = next {
                self.wait_until(next).await;
            }
        }
    }

    /// Sends the results of the last poll, and receives tokens.
    async fn poll(&self, results: &Results, max_events: u8) -> Result<Batch, PollError> {
        let authorization = self.authorization.call().await.map_err(PollError::Authorization)?;
        let mut authorization = HeaderValue::try_from(authorization).map_err(|_| PollError::AuthorizationInvalid)?;
        authorization.set_sensitive(true);
        let request = Request::post(&self.url)
            .header(ACCEPT, const { HeaderValue::from_static("application/json") })
            .header(ACCEPT_ENCODING, const { HeaderValue::from_static("identity") })
            .header(AUTHORIZATION, authorization)
            // The language of the descriptions of errors.
            .header(CONTENT_LANGUAGE, const { HeaderValue::from_static("en") })
            .header(CONTENT_TYPE, const { HeaderValue::from_static("application/json") })
            .body(results.request(max_events));
        // Does not fail: `build_poller` has validated the URL.
        let request = request.map_err(|error| PollError::Client(error.to_string()))?;
        Batch::read(&self.client.send(request).await.map_err(PollError::Client)?)
    }

    /// Applies the tokens of a poll, and adds what the transmitter must learn. Returns false if some were not applied:
    /// they are not acknowledged, so the transmitter sends them again.
    async fn apply(&self, batch: &Batch, results: &mut Results) -> bool {
        let mut is_applied = true;
        for (id, token) in &batch.tokens {
            match self.receive(id, token.as_deref()).await {
                Ok(()) => results.add_applied(id),
                Err(error) if error.is_temporary() => is_applied = false,
                Err(error) => {
                    self.policy.log(&error);
                    results.add_rejected(id, &error);
                }
            }
        }
        is_applied
    }

    async fn receive(&self, id: &str, token: Option<&str>) -> Result<(), SetError> {
        let token = token.ok_or(SetError::Encoding)?;
        let received = without_panic(timeout(APPLY_TIMEOUT, self.policy.receive(token, Some(id)))).await;
        let reason = match received {
            Some(Ok(result)) => return result,
            Some(Err(_)) => "a function of the app or the stream takes too long",
            None => "a function of the app has panicked",
        };
        tracing::warn!("a security event is not applied, because {reason}");
        Err(SetError::NotApplied)
    }

    /// Waits by the clock of the settings, which a test moves.
    async fn wait_until(&self, time: Instant) {
        while let Some(wait) = time.checked_duration_since(self.now()).filter(|wait| !wait.is_zero()) {
            sleep(wait.min(LONGEST_SLEEP)).await;
        }
    }

    fn now(&self) -> Instant {
        self.policy.clock.monotonic()
    }

    fn log(&self, error: &PollError, pause: Duration) {
        if let Some(suppressed) = self.policy.admit_poll_log() {
            tracing::warn!(%error, suppressed, ?pause, "security events could not be polled");
        }
    }
}

/// Longer than a transmitter or a proxy in between holds a request that it has no events for, which is up to a minute.
const POLL_TIMEOUT: Duration = Duration::from_secs(90);

/// A function of the app that never returns must not stop all events.
const APPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// After how long the clock is read again.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
