//! `SessionRecord`: what a store keeps of a session.

mod json;
mod stored_user;

use std::net::IpAddr;
use std::time::SystemTime;

use crate::context::UserContext;
use crate::record_store::time::{of_system_time, to_system_time};
use crate::session::csrf_token::CsrfKey;
use crate::session::id::SessionId;
use crate::session::secret::SessionDigest;

/// What a store keeps of a session: who logged in, when and how.
///
/// It has no application data, and not the secret in the cookie. [`SessionAuth`](crate::SessionAuth) creates and
/// changes records. A store keeps [`to_json`](Self::to_json), and the values by which it searches.
#[derive(Clone, Debug)]
pub struct SessionRecord {
    pub(super) id: SessionId,
    pub(super) digest: SessionDigest,
    pub(super) csrf_key: CsrfKey,
    /// As it was passed to `log_in`.
    pub(super) user: UserContext,
    /// All times are in whole seconds since 1970.
    pub(super) created_at: u64,
    /// When the user authenticated last.
    pub(super) logged_in_at: u64,
    pub(super) expires_at: u64,
    /// Whether the cookie outlives the browser.
    pub(super) is_remembered: bool,
    pub(super) address: Option<IpAddr>,
    pub(super) user_agent: Option<String>,
    /// Set once the cookie was renewed.
    pub(super) replacement: Option<Replacement>,
    /// Not part of the JSON.
    pub(super) last_used_at: u64,
}

/// How the next secret is computed, and until when this one is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    pub(super) nonce: [u8; 16],
    pub(super) valid_until: u64,
}

impl SessionRecord {
    /// Returns the id, which stays the same when the cookie is renewed.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Returns the digest of the text in the cookie, by which a request finds the record.
    #[must_use]
    pub fn digest(&self) -> &SessionDigest {
        &self.digest
    }

    /// Returns the user who logged in, with the privileges at the login.
    #[must_use]
    pub fn user(&self) -> &UserContext {
        &self.user
    }

    /// Returns the id of the user.
    #[must_use]
    pub fn owner_id(&self) -> &str {
        self.user.id()
    }

    /// Returns the issuer of the user; `None` if it has none.
    #[must_use]
    pub fn owner_issuer(&self) -> Option<&str> {
        self.user.issuer()
    }

    /// Returns when the session began.
    #[must_use]
    pub fn created_at(&self) -> SystemTime {
        to_system_time(self.created_at)
    }

    /// Returns when the user authenticated last.
    #[must_use]
    pub fn logged_in_at(&self) -> SystemTime {
        to_system_time(self.logged_in_at)
    }

    /// Returns when the session ends, however often it is used.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        to_system_time(self.expires_at)
    }

    /// Returns when a store may delete the record: at its expiry, or earlier if it is replaced.
    ///
    /// It is the earlier of [`expires_at`](Self::expires_at) and [`replaced_until`](Self::replaced_until).
    #[must_use]
    pub fn kept_until(&self) -> SystemTime {
        to_system_time(self.kept_until_seconds())
    }

    /// Returns [`kept_until`](Self::kept_until) in whole seconds since 1970.
    pub(super) fn kept_until_seconds(&self) -> u64 {
        self.replacement.map_or(self.expires_at, |replacement| replacement.valid_until.min(self.expires_at))
    }

    /// Returns when the session was used last, to the minute.
    #[must_use]
    pub fn last_used_at(&self) -> SystemTime {
        to_system_time(self.last_used_at)
    }

    /// Returns the record with this last use, which a store keeps apart from the JSON.
    ///
    /// A time before the record's own changes nothing.
    #[must_use]
    pub fn with_last_used_at(mut self, time: SystemTime) -> Self {
        self.last_used_at = self.last_used_at.max(of_system_time(time));
        self
    }

    /// Returns the address of the client at the login.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Returns the `User-Agent` at the login, at most 256 bytes. The client chose it.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// Returns until when the cookie is accepted after its renewal; `None` if it was not renewed.
    #[must_use]
    pub fn replaced_until(&self) -> Option<SystemTime> {
        self.replacement.map(|replacement| to_system_time(replacement.valid_until))
    }
}

#[cfg(test)]
pub(super) mod tests;
