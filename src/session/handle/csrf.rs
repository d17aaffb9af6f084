//! The methods of `Session` for CSRF tokens.

use crate::context::Realm;
use crate::gate::{Denial, DenialKind};
use crate::session::error::SessionError;
use crate::session::handle::{Current, Session};

/// # CSRF tokens
impl Session {
    /// Returns a CSRF token for a hidden field of a form; see [`CsrfForm`](crate::session::CsrfForm).
    ///
    /// It differs each time, and is valid until the session ends. A [login](Self::log_in) begins another session;
    /// [`renew`](Self::renew) and [`confirm`](Self::confirm) do not.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError`] if there is no session, or if the operating system provides no random bytes.
    pub fn csrf_token(&self) -> Result<String, SessionError> {
        let Current { session, .. } = self.0.current()?;
        let token = session.record.csrf_key.new_token(&session.record.id)?;
        Ok(token)
    }

    /// Checks a [CSRF token](Self::csrf_token) that the handler has read itself.
    ///
    /// Use it for bodies that [`CsrfForm`](crate::session::CsrfForm) cannot read. Never read the token from a cookie or
    /// the query.
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] with [`DenialKind::CsrfTokenInvalid`] (403) if the token does not belong to this session.
    pub fn check_csrf_token(&self, token: &str) -> Result<(), Denial> {
        self.0.set_csrf_token_checked();
        let is_valid = |Current { session, .. }: Current| session.record.csrf_key.has_signed(&session.record.id, token);
        if self.0.current().is_ok_and(is_valid) {
            return Ok(());
        }
        Err(Denial::new(DenialKind::CsrfTokenInvalid, Realm::default()))
    }
}
