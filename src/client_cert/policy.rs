//! `Policy`: the validated settings of a `ClientCertAuth`, and how a request's certificate is found and checked.

use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, request};

use crate::client_cert::client_cert_header::{CLIENT_CERT, ClientCertHeader, HEADERS};
use crate::client_cert::parsed_certificates::ParsedCertificates;
use crate::client_cert::{rfc9440, xfcc};
use crate::clock::Clock;
use crate::context::{Credential, PeerCertificate, Realm, TrustedProxies, UserContext};
use crate::csrf::gate::Csrf;
use crate::gate::{AccountRefusal, Admission, CredentialError, DenialKind};
#[cfg(feature = "revocation")]
use crate::revocation::handle::Revocations;

/// The app's function that finds the certificate of a TLS connection.
pub(super) type FromTls = Arc<dyn Fn(&Extensions) -> Option<PeerCertificate> + Send + Sync>;

/// The app's function that maps a certificate to a user.
pub(super) type MapUser = Arc<dyn Fn(&PeerCertificate) -> Option<UserContext> + Send + Sync>;

/// The validated settings of a `ClientCertAuth`.
pub(super) struct Policy {
    pub(super) from_tls: Option<FromTls>,
    pub(super) forwarded: Option<Forwarded>,
    pub(super) map_user: MapUser,
    /// The check of requests that browsers send.
    pub(super) csrf: Csrf,
    pub(super) admission: Admission,
    pub(super) realm: Realm,
    #[cfg(feature = "revocation")]
    pub(super) revocations: Option<Revocations>,
    pub(super) clock: Clock,
}

/// The header with the certificate, and who may send it.
#[derive(Debug)]
pub(super) struct Forwarded {
    pub(super) header: ClientCertHeader,
    pub(super) proxies: TrustedProxies,
    /// The header by which the proxy reports that it has verified the certificate, and its value then.
    pub(super) verified_by: Option<(HeaderName, HeaderValue)>,
    pub(super) parsed: ParsedCertificates,
}

impl Policy {
    /// Removes the headers that claim a certificate, except those that a trusted proxy has sent for this purpose.
    pub(super) fn remove_untrusted(&self, head: &mut request::Parts) {
        let trusted = self.trusted(head).map(|forwarded| forwarded.header.all_names()).unwrap_or_default();
        for name in HEADERS.into_iter().filter(|name| !trusted.contains(name)) {
            head.headers.remove(name);
        }
        if trusted.is_empty()
            && let Some(Forwarded { verified_by: Some((name, _)), .. }) = &self.forwarded
        {
            head.headers.remove(name);
        }
    }

    /// Returns the settings of the header if the request is from a trusted proxy.
    fn trusted(&self, head: &request::Parts) -> Option<&Forwarded> {
        self.forwarded.as_ref().filter(|forwarded| forwarded.proxies.trusts_peer_of(head))
    }

    /// Whether the request has a certificate, which may be invalid.
    pub(super) fn has_certificate(&self, head: &request::Parts) -> bool {
        match self.trusted(head) {
            Some(forwarded) => head.headers.contains_key(forwarded.header.name()),
            None => self.tls_certificate(head).is_some(),
        }
    }

    /// Returns the certificate of the request; `None` if it has none.
    ///
    /// # Errors
    ///
    /// Returns why the request is rejected: the header is malformed or repeated, or the proxy has not verified the
    /// certificate.
    pub(super) fn certificate(&self, head: &request::Parts) -> Result<Option<PeerCertificate>, DenialKind> {
        // The certificate of a proxy's own connection is not that of its client.
        let Some(forwarded) = self.trusted(head) else { return Ok(self.tls_certificate(head)) };
        let value = match only_value(&head.headers, forwarded.header.name()) {
            Ok(Some(value)) => value.as_bytes(),
            Ok(None) => return Ok(None),
            Err(error) => return Err(DenialKind::InvalidRequest(error)),
        };
        forwarded.certificate(value, forwarded.is_verified(&head.headers)).map(Some)
    }

    fn tls_certificate(&self, head: &request::Parts) -> Option<PeerCertificate> {
        self.from_tls.as_ref().and_then(|from_tls| from_tls(&head.extensions))
    }

    /// Returns the user of a certificate.
    ///
    /// # Errors
    ///
    /// Returns why the request is rejected: the certificate is not valid now, or it belongs to no user.
    pub(super) fn user(&self, certificate: &PeerCertificate) -> Result<UserContext, DenialKind> {
        if !certificate.is_valid_at(self.clock.since_epoch()) {
            return Err(DenialKind::InvalidCredential);
        }
        let user = (self.map_user)(certificate);
        let user = user.ok_or_else(|| DenialKind::AccountRefused(AccountRefusal::other(NO_USER)))?;
        Ok(self.complete(user, certificate))
    }

    /// Sets what the app's function has left open.
    fn complete(&self, user: UserContext, certificate: &PeerCertificate) -> UserContext {
        let mut user = user.with_credential(Credential::Certificate).with_realm(self.realm.clone());
        if user.token_id().is_none() {
            user = user.with_token_id(hex::encode(certificate.sha256()));
        }
        if let (None, Some(time)) = (user.issued_at(), certificate.not_before()) {
            user = user.with_issued_at(time);
        }
        if let (None, Some(time)) = (user.expires_at(), certificate.not_after()) {
            user = user.with_expires_at(time);
        }
        user
    }

    /// Returns the header on which responses depend.
    pub(super) fn varies_by(&self) -> &'static HeaderName {
        self.forwarded.as_ref().map_or(&CLIENT_CERT, |forwarded| forwarded.header.name())
    }
}

impl Forwarded {
    /// Returns the certificate in the value of the header.
    ///
    /// # Errors
    ///
    /// Returns a 400 if the value is malformed, and a 401 if the proxy has not verified the certificate.
    fn certificate(&self, value: &[u8], is_verified: bool) -> Result<PeerCertificate, DenialKind> {
        // Envoy's names cost less to parse than to look up.
        let digest = (self.header == ClientCertHeader::Rfc9440).then(|| self.parsed.digest(value));
        let parsed = digest.as_ref().and_then(|digest| self.parsed.get(digest));
        let is_parsed = parsed.is_some();
        let certificate = parsed.or_else(|| match self.header {
            ClientCertHeader::Rfc9440 => rfc9440::parse(value),
            ClientCertHeader::Envoy => xfcc::parse_last(value),
        });
        let certificate = certificate.ok_or(DenialKind::InvalidRequest(CredentialError::Malformed))?;
        if !is_verified {
            return Err(DenialKind::InvalidCredential);
        }
        if let Some(digest) = digest.filter(|_| !is_parsed) {
            self.parsed.insert(digest, certificate.clone());
        }
        Ok(certificate)
    }

    /// Whether the proxy reports that it has verified the certificate, if it is configured to.
    fn is_verified(&self, headers: &HeaderMap) -> bool {
        let Some((name, expected)) = &self.verified_by else { return true };
        matches!(only_value(headers, name), Ok(Some(value)) if value == expected)
    }
}

/// Returns the value of a header that a proxy sends once.
fn only_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, CredentialError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { Err(CredentialError::Multiple) } else { Ok(first) }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("forwarded", &self.forwarded).finish_non_exhaustive()
    }
}

const NO_USER: &str = "the client certificate belongs to no user";
