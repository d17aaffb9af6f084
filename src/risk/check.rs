//! `RiskCheck`: calls the function of the app that assesses a risk.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::error_chain;
use crate::risk::decision::{RiskDecision, RiskFactor};
use crate::risk::input::RiskInput;
use crate::runtime;
use crate::security_event::{EventKind, Reason, SecurityEvent};

/// Calls a function of the app that assesses the risk of a login or a request; see the [module](crate::risk).
///
/// It is a plain type for login handlers, and a layer for routes. Clones share the function.
#[derive(Clone)]
#[must_use]
pub struct RiskCheck {
    assess: Arc<dyn Fn(RiskInput) -> Assessing + Send + Sync>,
    is_fail_closed: bool,
}

type Assessing = Pin<Box<dyn Future<Output = Result<RiskDecision, Box<dyn Error + Send + Sync>>> + Send>>;

impl RiskCheck {
    /// Creates a check with this function, which has 100 ms.
    pub fn new<F, Fut, E>(assess: F) -> Self
    where
        F: Fn(RiskInput) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<RiskDecision, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let assess = move |input| -> Assessing {
            let assessing = assess(input);
            Box::pin(async move { assessing.await.map_err(Into::into) })
        };
        Self { assess: Arc::new(assess), is_fail_closed: false }
    }

    /// Rejects if the function fails or takes too long (default: allows).
    pub fn fail_closed(mut self) -> Self {
        self.is_fail_closed = true;
        self
    }

    /// Assesses a risk, and emits a security event unless it is low.
    ///
    /// Call it after the password was verified, so that its result reveals nothing to others than the user.
    pub async fn assess(&self, input: RiskInput) -> RiskDecision {
        // For the event: the function consumes the input.
        let subject = input.clone();
        let assessed = match runtime::current() {
            // Tokio's timer panics without a runtime that has timers, and a request must not panic.
            Err(fault) => Err((Reason::Unavailable, fault.to_string())),
            Ok(_) => match tokio::time::timeout(TIMEOUT, (self.assess)(input)).await {
                Ok(Ok(decision)) => Ok(decision),
                Ok(Err(cause)) => Err((Reason::Unavailable, error_chain(&*cause))),
                Err(_) => Err((Reason::TimedOut, format!("the function took longer than {TIMEOUT:?}"))),
            },
        };
        match assessed {
            Ok(decision) => {
                match decision {
                    RiskDecision::Allow => {}
                    RiskDecision::StepUp(factor) => emit(EventKind::RiskStepUp, factor.reason(), &subject),
                    RiskDecision::Reject(factor) => emit(EventKind::RiskRejected, factor.reason(), &subject),
                }
                decision
            }
            Err((reason, cause)) => {
                tracing::warn!(cause, "cannot assess a risk");
                emit(EventKind::RiskCheckFailed, reason, &subject);
                if self.is_fail_closed { RiskDecision::Reject(RiskFactor::NotAssessed) } else { RiskDecision::Allow }
            }
        }
    }
}

fn emit(kind: EventKind, reason: Reason, input: &RiskInput) {
    let Some(mut event) = SecurityEvent::counted(kind) else { return };
    if let Some(user) = input.user() {
        event = event.with_user_context(user);
    }
    if let Some(route) = input.route() {
        event = event.with_route(route);
    }
    event.with_known_address(input.address()).with_reason(reason).write();
}

impl fmt::Debug for RiskCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RiskCheck").field("is_fail_closed", &self.is_fail_closed).finish_non_exhaustive()
    }
}

/// A login takes some 100 ms for its hash, and should not take much longer.
const TIMEOUT: Duration = Duration::from_millis(100);
