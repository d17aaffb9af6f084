//! `Csrf`: the check of one request, and the layer that makes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue, Method, request};
use tower_layer::Layer;

#[cfg(feature = "cors")]
use crate::context::OriginSet;
use crate::context::Realm;
use crate::context::route::{matched_path, method_name};
use crate::csrf::fetch_site::FetchSite;
#[cfg(any(feature = "client_cert", feature = "session"))]
use crate::csrf::fetch_site::SEC_FETCH_SITE;
use crate::csrf::own_origin::is_own_origin;
use crate::field::websocket::asks_for_upgrade;
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders};

/// Rejects requests that pages of other sites cause; see the [module](crate::csrf).
///
/// The default trusts only pages of the app's own origin. Clones share the [count](Self::reported) of requests.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Csrf {
    /// `None` if only the app's own origin is trusted.
    #[cfg(feature = "cors")]
    pub(super) origins: Option<OriginSet>,
    pub(super) allows_without_origin: bool,
    /// How many requests would have been rejected; `None` if they are.
    pub(super) reported: Option<Arc<AtomicU64>>,
}

impl Csrf {
    /// Checks a request, whatever its credential is. A custom gate calls it if a cookie is the credential.
    ///
    /// ```
    /// use http::Request;
    /// use portcullis::Csrf;
    /// use portcullis::gate::DenialKind;
    ///
    /// let request = Request::post("/transfer")
    ///     .header("sec-fetch-site", "cross-site")
    ///     .header("origin", "https://other.example");
    /// let head = request.body(()).unwrap().into_parts().0;
    ///
    /// let denied = Csrf::default().check(&head).unwrap_err();
    /// assert!(matches!(denied, DenialKind::CrossSite { .. }));
    /// assert_eq!(denied.code(), "cross_site");
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`DenialKind::CrossSite`] (403) if a page of another site caused the request, or if it has neither
    /// `Sec-Fetch-Site` nor `Origin`. With [`report_only`](crate::csrf::CsrfBuilder::report_only) it never does.
    #[inline]
    pub fn check(&self, head: &request::Parts) -> Result<(), DenialKind> {
        if !is_checked(head) || self.admits(head) {
            return Ok(());
        }
        self.reject(head)
    }

    /// Checks a request if it has `Sec-Fetch-Site` or `Origin`.
    ///
    /// That suffices for a client certificate: programs use it too, and every browser with current TLS adds one of the
    /// headers to a write. For other credentials, something else must be checked, such as a token.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), except that a request with neither header is admitted.
    #[cfg(any(feature = "client_cert", feature = "session"))]
    pub(crate) fn check_if_stated(&self, head: &request::Parts) -> Result<(), DenialKind> {
        let is_stated = || head.headers.contains_key(&SEC_FETCH_SITE) || head.headers.contains_key(ORIGIN);
        if is_checked(head) && is_stated() { self.check(head) } else { Ok(()) }
    }

    /// Whether a request may change something, so that it is checked.
    #[cfg(feature = "session")]
    pub(crate) fn applies_to(head: &request::Parts) -> bool {
        is_checked(head)
    }

    /// Returns how many requests [`report_only`](crate::csrf::CsrfBuilder::report_only) admitted that would have been
    /// rejected.
    ///
    /// ```
    /// # use http::Request;
    /// use portcullis::Csrf;
    ///
    /// let csrf = Csrf::builder().report_only().build()?;
    /// # let request = Request::post("/").header("sec-fetch-site", "cross-site");
    /// # let head = request.body(()).unwrap().into_parts().0;
    /// assert!(csrf.check(&head).is_ok()); // a POST from another site
    /// assert_eq!(csrf.reported(), 1);
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn reported(&self) -> u64 {
        self.reported.as_ref().map_or(0, |reported| reported.load(Ordering::Relaxed))
    }

    /// Whether the request is from a page that is trusted.
    fn admits(&self, head: &request::Parts) -> bool {
        let headers = &head.headers;
        match FetchSite::of(headers) {
            FetchSite::Own => true,
            FetchSite::Foreign => matches!(PageOrigin::of(headers), PageOrigin::One(origin) if self.trusts(origin)),
            FetchSite::Repeated => false,
            FetchSite::Unknown => match PageOrigin::of(headers) {
                PageOrigin::Absent => self.allows_without_origin,
                PageOrigin::One(origin) => is_own_origin(origin, head) || self.trusts(origin),
                PageOrigin::Unknown => false,
            },
        }
    }

    #[cfg(feature = "cors")]
    fn trusts(&self, origin: &str) -> bool {
        self.origins.as_ref().is_some_and(|origins| origins.contains(origin))
    }

    #[cfg(not(feature = "cors"))]
    #[expect(clippy::unused_self, reason = "without the feature `cors`, no other origin is trusted")]
    fn trusts(&self, _: &str) -> bool {
        false
    }

    #[cold]
    fn reject(&self, head: &request::Parts) -> Result<(), DenialKind> {
        let origin = head.headers.get(ORIGIN);
        let Some(reported) = &self.reported else {
            return Err(DenialKind::cross_site(origin.cloned()));
        };
        reported.fetch_add(1, Ordering::Relaxed);
        tracing::info!(
            method = method_name(head),
            route = matched_path(head),
            ?origin,
            "a cross-site request is admitted, because the check only reports it"
        );
        Ok(())
    }
}

/// Whether a request may change something: by its method, or over the WebSocket that it opens (RFC 6455 §4.1; RFC 8441
/// §4 for CONNECT).
#[inline]
fn is_checked(head: &request::Parts) -> bool {
    match head.method {
        Method::GET => asks_for_upgrade(&head.headers),
        Method::HEAD | Method::OPTIONS => false,
        _ => true,
    }
}

/// What `Origin` says about the page that sent a request.
enum PageOrigin<'a> {
    Absent,
    One(&'a str),
    /// There are several lines, or the value is not text.
    Unknown,
}

impl<'a> PageOrigin<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut lines = headers.get_all(ORIGIN).iter();
        match (lines.next().map(HeaderValue::to_str), lines.next()) {
            (None, _) => Self::Absent,
            (Some(Ok(origin)), None) => Self::One(origin),
            (Some(_), _) => Self::Unknown,
        }
    }
}

impl Gate for Csrf {
    type Pass = ();

    fn enter(&self, head: &mut request::Parts) -> Entry<()> {
        match self.check(head) {
            Ok(()) => Entry::Admit(()),
            Err(kind) => Entry::Refuse(Reply::denial(head, Denial::new(kind, Realm::default()))),
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::none()
    }
}

impl<S> Layer<S> for Csrf {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}
