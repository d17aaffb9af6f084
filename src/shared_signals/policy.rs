//! `Policy`: what the receiver does with a security event token.

use std::sync::Arc;

use crate::claims::LogThrottle;
use crate::clock::Clock;
use crate::context::{RevocationId, RevocationKind};
use crate::gate::TokenError;
use crate::revocation::Revocation;
use crate::revocation::handle::Revocations;
use crate::security_event::{self, EventKind, Reason};
use crate::shared_signals::error::SetError;
use crate::shared_signals::event::{Event, Meaning, SecurityEvent};
use crate::shared_signals::handlers::{AppError, EventHandler, SubjectMap};
use crate::shared_signals::received::ReceivedTokens;
use crate::shared_signals::subject::Target;
use crate::shared_signals::token::EventToken;
use crate::verify_jwt::expected::ExpectedJwt;
use crate::verify_jwt::verifier::Verifier;

/// The validated settings of a `SharedSignals` or an `EventPoller`.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) verifier: Verifier,
    pub(super) audiences: Arc<[String]>,
    pub(super) revocations: Revocations,
    pub(super) subject_map: Option<SubjectMap>,
    pub(super) event_handler: Option<EventHandler>,
    pub(super) verification_state: Option<String>,
    pub(super) received: ReceivedTokens,
    /// Of rejected tokens, of ignored events, and of failed polls.
    pub(super) hints: LogThrottle<3>,
    pub(super) clock: Clock,
}

impl Policy {
    /// Verifies a token and applies its events. Returns once their revocations are stored.
    ///
    /// `id` is the `jti` that the token must have. `None` accepts any.
    ///
    /// # Errors
    ///
    /// Returns [`SetError`] if the token is invalid, or if keys, the stream or the app are unavailable.
    pub(super) async fn receive(&self, token: &str, id: Option<&str>) -> Result<(), SetError> {
        let expected =
            ExpectedJwt { issuer: None, typ: "secevent+jwt", allows_missing_typ: false, audiences: &self.audiences };
        let claims = self.verifier.verify(token, expected).await?;
        let token = EventToken::read(&claims, self.clock.since_epoch())?;
        if id.is_some_and(|id| id != token.id) {
            return Err(SetError::Id);
        }
        for event in &token.events {
            self.check_state(event)?;
        }
        let issuer = RevocationId::of(RevocationKind::Issuer { name: &token.issuer });
        let id = RevocationId::of(RevocationKind::Token { issuer, id: &token.id });
        self.received.apply_once(id, self.apply(&token)).await
    }

    /// Checks the state of a verification, if the app has configured one. A transmitter may verify without a state.
    fn check_state(&self, event: &Event<'_>) -> Result<(), SetError> {
        match (&event.meaning, &self.verification_state) {
            (Meaning::Verification { state: Some(state) }, Some(expected)) if state != expected => Err(SetError::State),
            _ => Ok(()),
        }
    }

    /// Applies the events of a token: first all that revoke, and then those for the app.
    async fn apply(&self, token: &EventToken<'_>) -> Result<(), SetError> {
        for event in token.events.iter().filter(|event| event.needs_subject()) {
            self.apply_to_credentials(event, token).await?;
        }
        for event in &token.events {
            match event.meaning {
                Meaning::StreamStopped => tracing::warn!(
                    "the transmitter has paused or disabled the stream of security events; no events arrive until it \
                     is enabled again"
                ),
                Meaning::Other => self.hand_over(event, token).await?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn apply_to_credentials(&self, event: &Event<'_>, token: &EventToken<'_>) -> Result<(), SetError> {
        let Some(revocation) = self.revocation(event, token).await? else { return Ok(()) };
        let stored = match event.meaning {
            Meaning::ClaimsChange => {
                tracing::debug!("a security event renews the claims of its subject");
                self.revocations.share_claims_change(&revocation).await
            }
            _ => {
                self.emit(token);
                self.revocations.apply(revocation).await
            }
        };
        stored.map_err(|error| {
            tracing::warn!(%error, "a security event is not applied; the transmitter should send it again");
            SetError::NotApplied
        })
    }

    /// Returns what an event revokes, as of its time. `None` if the event is ignored.
    async fn revocation(&self, event: &Event<'_>, token: &EventToken<'_>) -> Result<Option<Revocation>, SetError> {
        // Not `None`: a token with such an event has a subject.
        let Some(subject) = &token.subject else { return Err(SetError::Subject) };
        let target = subject.target(&self.verifier.critical_members())?;
        if target == Target::Discarded {
            self.log_ignored("its subject has a critical member that is not supported");
            return Ok(None);
        }
        if let Some(revocation) = target.revocation(event.time) {
            return Ok(Some(revocation));
        }
        let Some(map) = &self.subject_map else {
            self.log_ignored("the format of its subject needs a function of the app; call .map_subject(..)");
            return Ok(None);
        };
        let mapped = map.call(subject.clone()).await.map_err(|error| app_error(&error, "map_subject"))?;
        if mapped.is_none() {
            tracing::debug!("a security event was ignored, because .map_subject(..) does not know its subject");
        }
        Ok(mapped.map(|revocation| revocation.until(event.time)))
    }

    /// Emits what a token revokes.
    fn emit(&self, token: &EventToken<'_>) {
        let target = token.subject.as_ref().and_then(|subject| subject.target(&self.verifier.critical_members()).ok());
        let kind = match &target {
            Some(Target::Session { .. } | Target::User { .. }) => EventKind::SessionEnded,
            _ => EventKind::CredentialsRevoked,
        };
        let Some(event) = security_event::SecurityEvent::counted(kind) else { return };
        let event = event.with_reason(Reason::SharedSignal);
        match &target {
            Some(Target::Session { issuer, id }) => event.with_owner(Some(issuer), "").with_session(id).write(),
            Some(Target::User { issuer, id }) => event.with_owner(Some(issuer), id).write(),
            Some(Target::Token { issuer, .. }) => event.with_owner(Some(issuer), "").write(),
            // Only the app knows whose it is.
            _ => event.write(),
        }
    }

    /// Calls the app's function.
    async fn hand_over(&self, event: &Event<'_>, token: &EventToken<'_>) -> Result<(), SetError> {
        let Some(handler) = &self.event_handler else {
            tracing::debug!("a security event was ignored, because its type is not supported; see .on_event(..)");
            return Ok(());
        };
        let event = SecurityEvent::new(event, &token.id, token.subject.as_ref());
        handler.call(event).await.map_err(|error| app_error(&error, "on_event"))
    }

    fn log_ignored(&self, reason: &'static str) {
        if let Some(suppressed) = self.hints.admit(IGNORED) {
            tracing::warn!(suppressed, "a security event was ignored; {reason}");
        }
    }

    /// Returns how many failed polls were not logged before this one. `None` if one was logged less than a minute ago.
    pub(super) fn admit_poll_log(&self) -> Option<u64> {
        self.hints.admit(POLL)
    }

    /// Logs why a token was rejected; at `warn` if the settings may be the cause, at most once a minute.
    pub(super) fn log(&self, error: &SetError) {
        tracing::debug!(reason = %error, "a security event token was rejected");
        let Some(remedy) = remedy(error) else { return };
        let Some(suppressed) = self.hints.admit(REJECTED) else { return };
        tracing::warn!(reason = %error, suppressed, "a security event token was rejected; {remedy}");
    }
}

/// The transmitter sends the token again after a 503.
fn app_error(error: &AppError, function: &'static str) -> SetError {
    tracing::warn!(%error, function, "a security event is not applied, because a function of the app failed");
    SetError::NotApplied
}

fn remedy(error: &SetError) -> Option<&'static str> {
    Some(match error {
        SetError::Authorization => "see .authorization(..) and the authorization_header of the stream",
        SetError::EventInFuture | SetError::Token(TokenError::IssuedInFuture) => {
            "check the clocks of this host and of the transmitter"
        }
        SetError::Token(TokenError::Algorithm) => {
            "if the transmitter signs with this algorithm, pass an Issuer with .algorithms(..) to .transmitter(..)"
        }
        SetError::Token(TokenError::Audience) => "its `aud` is not a value of .audience(..)",
        SetError::Token(TokenError::Issuer) => "its `iss` is not the name in .transmitter(..)",
        SetError::Token(TokenError::Key | TokenError::Signature) => "check the keys of the transmitter",
        _ => return None,
    })
}

const REJECTED: usize = 0;
const IGNORED: usize = 1;
const POLL: usize = 2;
