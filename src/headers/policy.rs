//! What is true of a `SecurityHeaders` once it is built: the fields of an answer, rendered.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{CACHE_CONTROL, HOST, STRICT_TRANSPORT_SECURITY};
use http::{HeaderMap, HeaderName, HeaderValue, Version, request};

use crate::context::TrustedProxies;
use crate::field::forwarded::X_FORWARDED_PROTO;
use crate::field::header_map::{append, insert, insert_if_absent, insert_if_absent_with};
use crate::field::origin;
use crate::headers::csp::Rendered;

#[derive(Debug)]
pub(super) struct Policy {
    /// What answers are completed by, rendered for each [`Way`]: over http, over https, and upgraded there.
    ready: [HeaderMap; 3],
    /// What is rendered for each answer: policies with a nonce.
    nonced: Vec<(HeaderName, Rendered)>,
    /// What is written over what the handler set.
    enforced: Vec<HeaderName>,
    /// In order.
    removed: Vec<HeaderName>,
    has_hsts: bool,
    has_upgrade: bool,
    /// Whether answers to authenticated users are not to be stored.
    pub(super) is_no_store: bool,
    https: Https,
    /// Whether it was said that a proxy speaks of https and is not believed.
    has_warned: AtomicBool,
}

/// What a layer was told, in the form of its fields.
pub(super) struct Settings {
    /// What every answer has.
    pub(super) fields: Vec<(HeaderName, HeaderValue)>,
    pub(super) hsts: Option<HeaderValue>,
    pub(super) protections: Vec<(HeaderName, Rendered)>,
    pub(super) enforced: Vec<HeaderName>,
    pub(super) removed: Vec<HeaderName>,
    pub(super) is_no_store: bool,
    pub(super) https: Https,
}

/// How it is known that the client came by https.
#[derive(Clone, Debug)]
pub(super) enum Https {
    Always,
    /// The URI says so, or one of these proxies.
    Told(TrustedProxies),
}

/// How a client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Http,
    Https,
    /// By https, to a policy that has its URLs upgraded.
    Upgraded,
}

impl Policy {
    pub(super) fn new(settings: Settings) -> Self {
        let ready = [Way::Http, Way::Https, Way::Upgraded].map(|way| settings.ready(way));
        let mut removed = settings.removed;
        removed.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        Self {
            ready,
            has_hsts: settings.hsts.is_some(),
            has_upgrade: settings.protections.iter().any(|(_, policy)| policy.has_upgrade()),
            nonced: settings.protections.into_iter().filter(|(_, policy)| policy.has_nonce()).collect(),
            enforced: settings.enforced,
            removed,
            is_no_store: settings.is_no_store,
            https: settings.https,
            has_warned: AtomicBool::new(false),
        }
    }

    pub(super) fn has_nonce(&self) -> bool {
        !self.nonced.is_empty()
    }

    pub(super) fn way(&self, head: &request::Parts) -> Way {
        if !self.has_hsts && !self.has_upgrade {
            return Way::Http;
        }
        let is_https = match &self.https {
            Https::Always => true,
            Https::Told(proxies) => {
                // In HTTP/1 it is the caller who writes a scheme, if anybody does.
                let is_told = head.version >= Version::HTTP_2 && head.uri.scheme_str() == Some("https");
                let is_https = is_told || proxies.reports_https(head);
                self.warn_once(is_https, head);
                is_https
            }
        };
        match is_https {
            true if self.has_upgrade && !is_loopback(head) => Way::Upgraded,
            true => Way::Https,
            false => Way::Http,
        }
    }

    /// Says once that a proxy speaks of https and is not believed.
    fn warn_once(&self, is_https: bool, head: &request::Parts) {
        if !is_https && head.headers.contains_key(X_FORWARDED_PROTO) && !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "X-Forwarded-Proto is not believed, or does not say https: Strict-Transport-Security is not sent; name the proxy by \
                 SecurityHeadersBuilder::trusted_proxies (a Stack's is for addresses alone) and serve with \
                 into_make_service_with_connect_info::<SocketAddr>(), or say assume_https()"
            );
        }
    }

    /// Writes the fields that the answer lacks; for the validation of a stored page, none that has a nonce.
    pub(super) fn write(&self, way: Way, nonce: Option<&str>, is_validation: bool, headers: &mut HeaderMap) {
        let [http, https, upgraded] = &self.ready;
        let ready = match way {
            Way::Http => http,
            Way::Https => https,
            Way::Upgraded => upgraded,
        };
        // To put a field to the copy costs about as much as to put one of the layer's to the answer.
        if headers.len() <= ready.len() / 2 {
            self.join(headers, ready);
        } else {
            self.complete(headers, ready);
        }
        for (name, policy) in self.nonced.iter().filter(|_| !is_validation) {
            let value = || policy.value(nonce, way == Way::Upgraded);
            if !self.enforced.contains(name) {
                insert_if_absent_with(headers, name, value);
            } else if let Some(value) = value() {
                insert(headers, name, value);
            }
        }
        if nonce.is_some() && self.has_nonce() {
            // Whoever is shown the page out of a shared cache knows the word that another's page runs.
            insert_if_absent(headers, &CACHE_CONTROL, || const { HeaderValue::from_static("private") });
        }
    }

    /// Puts the fields of the answer, which are few, to a copy of those that are ready, whose hashes are known.
    fn join(&self, headers: &mut HeaderMap, ready: &HeaderMap) {
        let mut of_lines = None;
        for (name, value) in mem::replace(headers, ready.clone()) {
            // A field's further lines come without its name.
            if let Some(name) = name {
                let is_out = self.removes(&name) || self.enforced.contains(&name) && headers.contains_key(&name);
                of_lines = (!is_out).then(|| name.clone());
                if !is_out {
                    insert(headers, &name, value);
                }
            } else if let Some(name) = &of_lines {
                append(headers, name, value);
            }
        }
    }

    /// Puts the fields that are ready to those of the answer.
    fn complete(&self, headers: &mut HeaderMap, ready: &HeaderMap) {
        for name in &self.removed {
            headers.remove(name);
        }
        // A map that is nearly full to its bound takes what it can.
        let _ = headers.try_reserve(ready.len() + self.nonced.len() + 1);
        for (name, value) in ready {
            if self.enforced.contains(name) {
                insert(headers, name, value.clone());
            } else {
                insert_if_absent(headers, name, || value.clone());
            }
        }
    }

    /// The names of all headers that the layer may write or remove.
    pub(super) fn header_names(&self) -> Vec<HeaderName> {
        let [.., ready] = &self.ready;
        let mut names: Vec<_> = ready.keys().chain(&self.removed).cloned().collect();
        if self.has_nonce() {
            names.extend(self.nonced.iter().map(|(name, _)| name.clone()));
            names.push(CACHE_CONTROL);
        }
        names
    }

    fn removes(&self, name: &HeaderName) -> bool {
        self.removed.binary_search_by(|removed| removed.as_str().cmp(name.as_str())).is_ok()
    }
}

impl Settings {
    /// The fields of an answer to who came this way, but for those that are rendered for each answer.
    fn ready(&self, way: Way) -> HeaderMap {
        let hsts =
            self.hsts.iter().filter(|_| way != Way::Http).map(|value| (&STRICT_TRANSPORT_SECURITY, value.clone()));
        let plain = self.protections.iter().filter(|(_, policy)| !policy.has_nonce());
        let plain = plain.filter_map(|(name, policy)| Some((name, policy.value(None, way == Way::Upgraded)?)));
        let fields = self.fields.iter().map(|(name, value)| (name, value.clone()));
        // With indices for what the answer has: a clone keeps them, and makes room for the fields themselves once more.
        let mut ready = HeaderMap::with_capacity(2 * (self.fields.len() + 3));
        for (name, value) in fields.chain(hsts).chain(plain) {
            ready.insert(name, value);
        }
        ready
    }
}

/// Whether the host that the client asks is loopback.
fn is_loopback(head: &request::Parts) -> bool {
    let field = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    head.uri.authority().map(http::uri::Authority::as_str).or(field).is_some_and(origin::is_loopback_authority)
}

#[cfg(test)]
mod tests;
