//! The methods of `Session` for tokens in forms.

use crate::context::Realm;
use crate::gate::{Denial, DenialKind};
use crate::session::error::SessionError;
use crate::session::handle::{Current, Session};

/// # CSRF tokens
impl Session {
    /// Returns a token for a hidden field of a form, for browsers that are so old that they send neither
    /// `Sec-Fetch-Site` nor `Origin`. See [`CsrfForm`](crate::session::CsrfForm).
    ///
    /// It differs each time, and is valid until the session ends. A [login](Self::log_in) begins another session;
    /// [`renew`](Self::renew) and [`confirm`](Self::confirm) do not.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError`] if there is no session, or no random bytes.
    pub fn csrf_token(&self) -> Result<String, SessionError> {
        let Current { session, .. } = self.0.current()?;
        let token = session.record.csrf_key.new_token(&session.record.id)?;
        Ok(token)
    }

    /// Checks a [token](Self::csrf_token) of the request, for bodies that [`CsrfForm`](crate::session::CsrfForm) cannot
    /// read. Never read it from a cookie or the query.
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] with [`DenialKind::CsrfTokenInvalid`] (403) if the token is not one of this session.
    pub fn check_csrf_token(&self, token: &str) -> Result<(), Denial> {
        self.0.set_csrf_token_checked();
        let is_valid = |Current { session, .. }: Current| session.record.csrf_key.has_signed(&session.record.id, token);
        if self.0.current().is_ok_and(is_valid) {
            return Ok(());
        }
        Err(Denial::new(DenialKind::CsrfTokenInvalid, Realm::default()))
    }
}
