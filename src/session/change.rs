//! `SessionChange`: a session is used from another address or by another browser than at the login.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;

use crate::context::UserContext;
use crate::session::id::SessionId;
use crate::session::record::SessionRecord;

/// The client of a request, as far as it is known: where a cookie that was copied shows first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientHints<'a> {
    pub(super) address: Option<IpAddr>,
    pub(super) user_agent: Option<&'a str>,
}

impl<'a> ClientHints<'a> {
    pub(super) fn new(address: Option<IpAddr>, user_agent: Option<&'a HeaderValue>) -> Self {
        Self { address, user_agent: user_agent.and_then(|value| value.to_str().ok()).map(shortened) }
    }

    fn of_login(record: &'a SessionRecord) -> Self {
        Self { address: record.address, user_agent: record.user_agent.as_deref() }
    }

    /// A hash that is not 0.
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        hasher.finish().max(1)
    }
}

/// A request of a session from another address, or with another `User-Agent`, than at the login.
#[derive(Clone, Copy, Debug)]
pub struct SessionChange<'a> {
    record: &'a SessionRecord,
    now: ClientHints<'a>,
}

impl<'a> SessionChange<'a> {
    /// Returns what differs from the login, and its hash; `None` if nothing does.
    pub(super) fn of(record: &'a SessionRecord, now: ClientHints<'a>) -> Option<(Self, u64)> {
        (ClientHints::of_login(record) != now).then(|| (Self { record, now }, now.hash()))
    }

    /// Returns the id of the session.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        self.record.id()
    }

    /// Returns the user that logged in.
    #[must_use]
    pub fn user(&self) -> &UserContext {
        self.record.user()
    }

    /// Returns the address at the login; `None` if it was not known.
    #[must_use]
    pub fn address_at_login(&self) -> Option<IpAddr> {
        self.record.address()
    }

    /// Returns the address of the request; `None` if it is not known.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.now.address
    }

    /// Returns the `User-Agent` at the login, at most 256 bytes.
    #[must_use]
    pub fn user_agent_at_login(&self) -> Option<&str> {
        self.record.user_agent()
    }

    /// Returns the `User-Agent` of the request, at most 256 bytes.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.now.user_agent
    }
}

/// What to do about a [`SessionChange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeDecision {
    /// The session stays valid. The function is not called again until the client changes again.
    Keep,
    /// The session ends: its user has to log in again.
    Revoke,
}

/// The app's function that decides about changes.
#[derive(Clone)]
pub(super) struct ChangeHook(pub(super) Arc<dyn Fn(&SessionChange<'_>) -> ChangeDecision + Send + Sync>);

impl fmt::Debug for ChangeHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangeHook(..)")
    }
}

/// Of visible ASCII, as `to_str` returns it, so every index is a boundary of characters.
fn shortened(text: &str) -> &str {
    text.get(..MAX_USER_AGENT_LEN).unwrap_or(text)
}

/// Longer than those of browsers. A client could otherwise store much in each record.
const MAX_USER_AGENT_LEN: usize = 256;
