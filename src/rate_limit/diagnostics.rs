//! `Diagnostics`: warnings about a misconfigured layer, each logged once, when a request first shows the problem.

// `build()` cannot see these mistakes: they concern the network in front of the app or the layers around this one. A
// warning for each request would flood the log, and an attacker could cause it.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use http::header::FORWARDED;
use http::{HeaderName, request};

use crate::context::peer_ip::is_private;
use crate::context::quota::Quota;
use crate::rate_limit::subject::Subject;

/// Which warnings were logged. Each flag is swapped, so that only one of several concurrent requests logs the warning.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    has_logged_unknown_address: AtomicBool,
    has_logged_charged_twice: AtomicBool,
    has_logged_forwarding_header: AtomicBool,
    has_logged_tier_unknown: AtomicBool,
    has_logged_subject_missing: AtomicBool,
    has_logged_quota_ignored: AtomicBool,
    has_logged_route_unknown: AtomicBool,
    /// The address of the first connection that a limit counted.
    first_peer: OnceLock<IpAddr>,
    /// The requests from the first peer, as long as there is no other peer.
    requests_of_first_peer: AtomicU32,
}

impl Diagnostics {
    /// Warns if the address of the connection is probably that of a proxy. Returns false if the subject is no such
    /// address.
    #[inline]
    pub(super) fn check_peer(&self, subject: &Subject<'_>, head: &request::Parts) -> bool {
        let Some(peer) = subject.peer() else { return false };
        self.check_forwarding_header(head);
        // A relaxed load keeps the check cheap once the question is settled.
        if self.requests_of_first_peer.load(Ordering::Relaxed) < SAMPLE {
            self.check_single_peer(peer);
        }
        true
    }

    /// Warns if a proxy that is not trusted seems to forward requests. A client can send such a header too, so the
    /// warning says "if".
    #[inline]
    fn check_forwarding_header(&self, head: &request::Parts) {
        if !self.has_logged_forwarding_header.load(Ordering::Relaxed)
            && (head.headers.contains_key(FORWARDED) || head.headers.contains_key(&X_FORWARDED_FOR))
            && is_first(&self.has_logged_forwarding_header)
        {
            tracing::warn!(
                "a request carries a forwarding header, but no proxy is trusted; if one of your proxies sent it, add its \
                 network to TrustedProxies, otherwise all clients behind it share one limit"
            );
        }
    }

    /// Warns if all requests come from one private address: a proxy that adds no forwarding header, or one whose header
    /// was not recognized. A public address or a second one settles the question.
    fn check_single_peer(&self, peer: IpAddr) {
        let is_only_peer = *self.first_peer.get_or_init(|| peer) == peer;
        if !is_only_peer || !is_private(peer) {
            self.requests_of_first_peer.store(SAMPLE, Ordering::Relaxed);
        } else if self.requests_of_first_peer.fetch_add(1, Ordering::Relaxed) + 1 == SAMPLE {
            tracing::warn!(
                address = %peer,
                "the first {SAMPLE} requests came from one private address; if it is a proxy, add its network to \
                 TrustedProxies, otherwise all clients behind it share one limit"
            );
        }
    }

    /// Whether this is the first request without a known address. The denial itself is the warning.
    pub(super) fn is_first_unknown_address(&self) -> bool {
        is_first(&self.has_logged_unknown_address)
    }

    /// Warns that a request matches no alternative of the key.
    pub(super) fn subject_missing(&self) {
        if is_first(&self.has_logged_subject_missing) {
            tracing::warn!(
                "a request carries no rate-limit key and is rejected; let the key fall back to one that every request has, \
                 such as .or_ip()"
            );
        }
    }

    /// Warns that a setting needs the matched route, but the layer runs outside a router.
    #[cold]
    pub(super) fn route_unknown(&self) {
        if is_first(&self.has_logged_route_unknown) {
            tracing::warn!(
                "a request has no matched route, because the rate limit runs outside an axum router: all requests count as \
                 one route, and exempt routes with parameters are counted; add the layer with Router::layer"
            );
        }
    }

    /// Warns that a limit by tier or by credential runs before authentication.
    pub(super) fn tier_unknown(&self, limit: &str) {
        if is_first(&self.has_logged_tier_unknown) {
            tracing::warn!(
                limit,
                "this limit has quotas by tier or by credential, but no authenticating layer ran before it, so every \
                 request gets the lowest quota of the limit; move it inside JwtAuth"
            );
        }
    }

    /// Warns that the quota of a credential has another window than the limit.
    #[cold]
    pub(super) fn quota_ignored(&self, limit: &str, quota: Quota) {
        if is_first(&self.has_logged_quota_ignored) {
            tracing::warn!(
                limit,
                %quota,
                "the quota of a credential has another window than this limit, so it does not apply; change the quota, or \
                 add a limit by credential with its window"
            );
        }
    }

    /// Warns that two layers charge one request for the same limit.
    pub(super) fn charged_twice(&self, limit: &str) {
        if is_first(&self.has_logged_charged_twice) {
            tracing::warn!(limit, "two layers charge the same request for this limit; remove one of them");
        }
    }
}

/// Sets the flag. Returns whether it was not set before.
fn is_first(has_logged: &AtomicBool) -> bool {
    !has_logged.swap(true, Ordering::Relaxed)
}

/// The requests after which a single private peer is reported.
const SAMPLE: u32 = 100;
/// A static, because each use of a constant would create and drop the name.
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests;
