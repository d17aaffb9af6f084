//! What is true of a `SecurityHeaders` once it is built: the fields of an answer, rendered.

use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{CACHE_CONTROL, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Version, request};

use crate::context::TrustedProxies;
use crate::field::fill::{fill, fill_maybe, set};
use crate::field::forwarded::X_FORWARDED_PROTO;
use crate::field::origin;
use crate::headers::csp::Rendered;

#[derive(Debug)]
pub(super) struct Policy {
    /// What every answer has.
    pub(super) fields: Box<[(Field, HeaderValue)]>,
    pub(super) hsts: Option<(Field, HeaderValue)>,
    pub(super) csp: Option<Protection>,
    pub(super) report_only: Option<Protection>,
    pub(super) removed: Box<[HeaderName]>,
    /// Whether answers to authenticated users are not to be stored.
    pub(super) is_no_store: bool,
    pub(super) https: Https,
    /// Whether it was said that a proxy speaks of https and is not believed.
    pub(super) has_told: AtomicBool,
}

/// A field that the layer writes.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: HeaderName,
    /// Whether it is written over what the handler set.
    pub(super) is_enforced: bool,
}

#[derive(Debug)]
pub(super) struct Protection {
    pub(super) field: Field,
    pub(super) policy: Rendered,
    pub(super) has_nonce: bool,
    pub(super) has_upgrade: bool,
}

/// How it is known that the client came by https.
#[derive(Clone, Debug)]
pub(super) enum Https {
    Always,
    /// The URI says so, or one of these proxies.
    Told(TrustedProxies),
}

/// How a client came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) is_https: bool,
    pub(super) is_upgraded: bool,
}

impl Policy {
    pub(super) fn has_nonce(&self) -> bool {
        self.protections().any(|protection| protection.has_nonce)
    }

    fn protections(&self) -> impl Iterator<Item = &Protection> {
        self.csp.iter().chain(&self.report_only)
    }

    pub(super) fn way(&self, head: &request::Parts) -> Way {
        let has_upgrade = self.protections().any(|protection| protection.has_upgrade);
        if self.hsts.is_none() && !has_upgrade {
            return Way::default();
        }
        let is_https = match &self.https {
            Https::Always => true,
            Https::Told(proxies) => {
                // In HTTP/1 it is the caller who writes a scheme, if anybody does.
                let is_told = head.version >= Version::HTTP_2 && head.uri.scheme_str() == Some("https");
                let is_https = is_told || proxies.vouches_for_https(head);
                self.tell(is_https, head);
                is_https
            }
        };
        Way { is_https, is_upgraded: has_upgrade && is_https && !is_loopback(head) }
    }

    /// Says once that a proxy speaks of https and is not believed.
    fn tell(&self, is_https: bool, head: &request::Parts) {
        if !is_https && head.headers.contains_key(X_FORWARDED_PROTO) && !self.has_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "X-Forwarded-Proto is not believed, or does not say https: Strict-Transport-Security is not sent; name the proxy by \
                 SecurityHeadersBuilder::trusted_proxies (a Stack's is for addresses alone) and serve with \
                 into_make_service_with_connect_info::<SocketAddr>(), or say always_https()"
            );
        }
    }

    /// Writes the fields that the answer lacks; for the validation of a stored page, none that has a nonce.
    pub(super) fn write(&self, way: Way, nonce: Option<&str>, is_validation: bool, headers: &mut HeaderMap) {
        for name in &self.removed {
            headers.remove(name);
        }
        // Where there is no room for all, there may be for some.
        let _ = headers.try_reserve(self.fields.len() + DYNAMIC_FIELDS);
        for (field, value) in self.fields.iter().chain(self.hsts.iter().filter(|_| way.is_https)) {
            field.write(|| Some(value.clone()), headers);
        }
        for protection in self.protections().filter(|protection| !(is_validation && protection.has_nonce)) {
            protection.field.write(|| protection.policy.value(nonce, way.is_upgraded), headers);
        }
        if nonce.is_some() && self.has_nonce() {
            // Whoever is shown the page out of a shared cache knows the word that another's page runs.
            fill(headers, &CACHE_CONTROL, || HeaderValue::from_static("private"));
        }
    }
}

impl Field {
    fn write(&self, value: impl FnOnce() -> Option<HeaderValue>, headers: &mut HeaderMap) {
        if !self.is_enforced {
            fill_maybe(headers, &self.name, value);
        } else if let Some(value) = value() {
            set(headers, &self.name, value);
        }
    }
}

/// Whether the host that the client asks is loopback.
fn is_loopback(head: &request::Parts) -> bool {
    let field = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    head.uri.authority().map(http::uri::Authority::as_str).or(field).is_some_and(origin::is_loopback_authority)
}

/// Two policies, `Strict-Transport-Security`, and `Cache-Control`.
const DYNAMIC_FIELDS: usize = 4;
