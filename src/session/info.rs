//! `SessionInfo`: a session in a list.

use std::net::IpAddr;
use std::time::SystemTime;

use crate::session::id::SessionId;
use crate::session::record::SessionRecord;

/// A session in the [list](crate::session::Session::list) of its user.
///
/// It has neither the cookie nor its digest.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    record: SessionRecord,
    is_current: bool,
}

impl SessionInfo {
    pub(super) fn new(record: SessionRecord, current: Option<&SessionId>) -> Self {
        let is_current = current == Some(&record.id);
        Self { record, is_current }
    }

    /// Returns the id, for a link or a form that ends the session.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.record.id
    }

    /// Returns whether this is the session of the request.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.is_current
    }

    /// Returns when the session began.
    #[must_use]
    pub fn created_at(&self) -> SystemTime {
        self.record.created_at()
    }

    /// Returns when the session was used last, to the minute.
    #[must_use]
    pub fn last_used_at(&self) -> SystemTime {
        self.record.last_used_at()
    }

    /// Returns when the session ends, however often it is used.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.record.expires_at()
    }

    /// Returns the address of the client at the login; `None` if it was not known.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.record.address()
    }

    /// Returns the `User-Agent` at the login, at most 256 bytes.
    ///
    /// The client chose it, so escape it in HTML.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.record.user_agent()
    }
}
