//! `IpFilter`: the gate that decides by the client's address.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use http::request;
use tower_layer::Layer;

use crate::context::Realm;
use crate::context::client_addr::Client;
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders};
use crate::ip_filter::policy::Lists;

/// Allows or denies requests by the client's address; see the [module](crate::ip_filter).
///
/// Clones share their lists. Keep a clone to [replace](Self::reload) them.
#[derive(Clone)]
#[must_use]
pub struct IpFilter(Arc<Shared>);

struct Shared {
    /// A request takes no lock, and decides by one version of both lists.
    lists: ArcSwap<Lists>,
    has_logged_unknown_address: AtomicBool,
}

impl IpFilter {
    pub(super) fn new(lists: Lists) -> Self {
        let has_logged_unknown_address = AtomicBool::new(false);
        Self(Arc::new(Shared { lists: ArcSwap::from_pointee(lists), has_logged_unknown_address }))
    }

    /// Replaces the lists of all clones.
    pub(super) fn replace(&self, lists: Lists) {
        self.0.lists.store(Arc::new(lists));
    }

    /// Returns why a request is rejected.
    ///
    /// A request whose client has no address is never admitted: it could be from a denied one.
    fn check(&self, head: &request::Parts) -> Result<(), Denial> {
        let Some(client) = head.extensions.get::<Client>() else {
            return Err(Denial::new(DenialKind::trusted_proxies_missing("IpFilter"), Realm::default()));
        };
        let Some(addr) = client.addr else { return Err(Denial::of_unknown_address(client)) };
        if self.0.lists.load().admit(addr.ip()) {
            return Ok(());
        }
        Err(Denial::new(DenialKind::address_refused(Some(addr.ip())), Realm::default()))
    }

    /// Rejects a request. A missing address is a mistake of the app, and is logged once and not for each request.
    #[cold]
    fn refuse(&self, head: &request::Parts, denial: Denial) -> Reply {
        let is_mistake = !matches!(denial.kind(), DenialKind::AddressRefused { .. });
        if is_mistake && self.0.has_logged_unknown_address.swap(true, Ordering::Relaxed) {
            return Reply::logged_denial(head, denial);
        }
        Reply::denial(head, denial)
    }
}

impl Gate for IpFilter {
    type Pass = ();

    fn enter(&self, head: &mut request::Parts) -> Entry<()> {
        match self.check(head) {
            Ok(()) => Entry::Admit(()),
            Err(denial) => Entry::Refuse(self.refuse(head, denial)),
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::none()
    }
}

impl<S> Layer<S> for IpFilter {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

impl fmt::Debug for IpFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IpFilter").finish_non_exhaustive()
    }
}
