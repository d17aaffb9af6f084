//! `Policy`: what the endpoint does with a form.

use std::sync::Arc;

use crate::back_channel_logout::error::LogoutError;
use crate::back_channel_logout::form;
use crate::back_channel_logout::logout_token::{LogoutToken, Target};
use crate::claims::LogThrottle;
use crate::clock::Clock;
use crate::gate::TokenError;
use crate::revocation::Revocation;
use crate::revocation::handle::Revocations;
use crate::security_event::{EventKind, Reason, SecurityEvent};
use crate::verify_jwt::expected::ExpectedJwt;
use crate::verify_jwt::verifier::Verifier;

/// The validated settings of a `BackChannelLogout`.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) verifier: Verifier,
    /// One id, as a list for the verifier.
    pub(super) client_ids: Arc<[String; 1]>,
    pub(super) revocations: Revocations,
    pub(super) allows_missing_typ: bool,
    pub(super) hints: LogThrottle<1>,
    pub(super) clock: Clock,
}

impl Policy {
    /// Verifies the logout token in a form, and revokes what it names. Returns once the revocation is stored.
    ///
    /// # Errors
    ///
    /// Returns [`LogoutError`] if the token is invalid, or if keys or the stream are unavailable.
    pub(super) async fn log_out(&self, form: &[u8]) -> Result<(), LogoutError> {
        let token = form::logout_token(form)?;
        let expected = ExpectedJwt {
            issuer: None,
            typ: "logout+jwt",
            allows_missing_typ: self.allows_missing_typ,
            audiences: &*self.client_ids,
        };
        let claims = self.verifier.verify(&token, expected).await?;
        let token = LogoutToken::read(&claims, self.clock.since_epoch())?;
        let revocation = match &token.target {
            Target::Session(id) => Revocation::session(&token.issuer, id),
            Target::Subject(id) => Revocation::subject(&token.issuer, id).until(token.issued_at),
        };
        if let Some(event) = SecurityEvent::counted(EventKind::SessionEnded) {
            let event = event.with_reason(Reason::BackChannelLogout);
            match &token.target {
                Target::Session(id) => event.with_owner(Some(&token.issuer), "").with_session(id).write(),
                // All credentials of the user.
                Target::Subject(id) => event.with_owner(Some(&token.issuer), id).write(),
            }
        }
        self.revocations.apply(revocation).await.map_err(|error| {
            tracing::warn!(%error, "a back-channel logout could not be stored; the provider should send it again");
            LogoutError::NotStored
        })
    }

    /// Logs a rejection: at `warn`, at most once a minute, if the settings may be the cause.
    pub(super) fn log(&self, error: &LogoutError) {
        tracing::debug!(reason = %error, "a back-channel logout was rejected");
        let LogoutError::Token(token_error) = error else { return };
        let Some(remedy) = remedy(token_error) else { return };
        let Some(suppressed) = self.hints.admit(0) else { return };
        tracing::warn!(reason = %error, suppressed, "a back-channel logout was rejected; {remedy}");
    }
}

fn remedy(error: &TokenError) -> Option<&'static str> {
    Some(match error {
        TokenError::Algorithm => "if the provider signs with this algorithm, see .algorithms(..) of the issuer",
        TokenError::Audience => "its `aud` is not the id in .client_id(..)",
        TokenError::Expired | TokenError::IssuedInFuture => "check the clocks of this host and of the provider",
        TokenError::Issuer => "its `iss` is not the name of an issuer of .keys_from(..)",
        TokenError::Key | TokenError::Signature => "check the keys of the issuer in .keys_from(..)",
        TokenError::Type => "if the provider sends no `typ`, call .allow_missing_typ()",
        _ => return None,
    })
}
