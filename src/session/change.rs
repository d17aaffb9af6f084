//! `SessionChange`: a request whose address or browser differs from that of the login.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;

use crate::context::UserContext;
use crate::session::id::SessionId;
use crate::session::record::SessionRecord;

/// What is known of the client of a request. A change may mean that the cookie was copied.
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

    /// Returns the user who logged in.
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
    /// The session stays valid. The process does not ask again about the same client while it has the record cached.
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

/// The text is visible ASCII, as `to_str` returns it, so every index is a character boundary.
fn shortened(text: &str) -> &str {
    text.get(..MAX_USER_AGENT_LEN).unwrap_or(text)
}

/// Longer than those of browsers. Without a limit, a client could fill each record.
const MAX_USER_AGENT_LEN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::record::tests::record;

    fn login() -> SessionRecord {
        let address = Some("192.0.2.1".parse().unwrap());
        SessionRecord { address, user_agent: Some("Firefox".to_owned()), ..record(1, "ann") }
    }

    fn hints(address: &str, user_agent: &'static str) -> (IpAddr, HeaderValue) {
        (address.parse().unwrap(), HeaderValue::from_static(user_agent))
    }

    #[test]
    fn a_change_has_what_the_login_and_the_request_had() {
        let login = login();
        let same = hints("192.0.2.1", "Firefox");
        assert!(SessionChange::of(&login, ClientHints::new(Some(same.0), Some(&same.1))).is_none());
        for (address, user_agent) in [("192.0.2.2", "Firefox"), ("192.0.2.1", "curl")] {
            let (address, value) = hints(address, user_agent);
            let (change, hash) = SessionChange::of(&login, ClientHints::new(Some(address), Some(&value))).unwrap();
            assert_ne!(hash, 0);
            assert_eq!((change.id(), change.user().id()), (&login.id, "ann"));
            assert_eq!((change.address(), change.user_agent()), (Some(address), Some(user_agent)));
            let (address, user_agent) = (change.address_at_login(), change.user_agent_at_login());
            assert_eq!((address, user_agent), (login.address, Some("Firefox")));
        }
        let (change, _) = SessionChange::of(&login, ClientHints::new(None, None)).unwrap();
        assert_eq!((change.address(), change.user_agent()), (None, None));
    }

    #[test]
    fn each_client_has_a_hash_of_its_own() {
        let clients = [("192.0.2.2", "Firefox"), ("192.0.2.1", "curl"), ("192.0.2.2", "curl"), ("2001:db8::1", "curl")];
        let hashes = clients.map(|(address, user_agent)| {
            let (address, value) = hints(address, user_agent);
            ClientHints::new(Some(address), Some(&value)).hash()
        });
        let distinct: std::collections::HashSet<_> = hashes.into_iter().collect();
        assert_eq!(distinct.len(), clients.len());
    }

    #[test]
    fn a_user_agent_is_at_most_256_bytes_and_text() {
        for (len, expected) in [(255, 255), (256, 256), (257, 256), (8_000, 256)] {
            let value = HeaderValue::try_from("a".repeat(len)).unwrap();
            assert_eq!(ClientHints::new(None, Some(&value)).user_agent.map(str::len), Some(expected));
        }
        let binary = HeaderValue::from_bytes(b"\xe4").unwrap();
        assert_eq!(ClientHints::new(None, Some(&binary)).user_agent, None);
    }
}
