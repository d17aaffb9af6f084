//! `Diagnostics`: what an operator is told once, when the first request shows that the set-up cannot be meant.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use http::header::FORWARDED;
use http::{HeaderName, request};

use crate::rate_limit::subject::Subject;

#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    is_address_unknown: AtomicBool,
    is_charged_twice: AtomicBool,
    is_forwarded: AtomicBool,
    are_tiers_unknown: AtomicBool,
    is_subject_missing: AtomicBool,
    first: OnceLock<IpAddr>,
    from_first: AtomicU32,
}

impl Diagnostics {
    /// Looks whether addresses are those of a proxy that is not trusted; false where there was nothing to look at.
    #[inline]
    pub(super) fn look(&self, subject: &Subject<'_>, head: &request::Parts) -> bool {
        let Some(ip) = subject.peer() else { return false };
        if !self.is_forwarded.load(Ordering::Relaxed)
            && (head.headers.contains_key(FORWARDED) || head.headers.contains_key(X_FORWARDED_FOR))
            && is_first(&self.is_forwarded)
        {
            tracing::warn!(
                "a request carries a forwarding field and no proxy is trusted: if a proxy of yours wrote it, give its \
                 network to TrustedProxies, else all its clients share one limit"
            );
        }
        let seen = self.from_first.load(Ordering::Relaxed);
        if seen >= ENOUGH {
            return true;
        }
        if *self.first.get_or_init(|| ip) != ip || !is_private(ip) {
            self.from_first.store(ENOUGH, Ordering::Relaxed);
        } else if self.from_first.fetch_add(1, Ordering::Relaxed) + 1 == ENOUGH {
            tracing::warn!(
                address = %ip,
                "the first {ENOUGH} requests came from one private address: if it is a proxy's, give its network to \
                 TrustedProxies, else all its clients share one limit"
            );
        }
        true
    }

    /// Whether the log has not yet said that no peer is known.
    pub(super) fn is_first_unknown_address(&self) -> bool {
        is_first(&self.is_address_unknown)
    }

    /// A request does not tell whose limit to count.
    pub(super) fn subject_missing(&self) {
        if is_first(&self.is_subject_missing) {
            tracing::warn!(
                "a request does not tell whose limit to count and is refused: end the key of the limit with one that every \
                 request has, as .or_ip(..)"
            );
        }
    }

    pub(super) fn tiers_unknown(&self, name: &str) {
        if is_first(&self.are_tiers_unknown) {
            tracing::warn!(
                limit = name,
                "this limit has quotas by tier and stands where no authenticating layer ran: everybody has the lowest \
                 tier's; put it inside of JwtAuth"
            );
        }
    }

    pub(super) fn charged_twice(&self, name: &str) {
        if is_first(&self.is_charged_twice) {
            tracing::warn!(limit = name, "this limit is charged twice in one request: keep one of its two layers");
        }
    }
}

fn is_first(said: &AtomicBool) -> bool {
    !said.swap(true, Ordering::Relaxed)
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

const ENOUGH: u32 = 100;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests;
