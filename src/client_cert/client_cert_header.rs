//! `ClientCertHeader`: the header in which a proxy forwards the client's certificate.

use http::HeaderName;

/// The header in which a proxy forwards the client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientCertHeader {
    /// `Client-Cert` (RFC 9440): the whole certificate, as `:base64:`.
    Rfc9440,
    /// `X-Forwarded-Client-Cert` (XFCC) of Envoy, and so of Istio: the digest of the certificate and some of its names, or
    /// the whole certificate. Of several elements, the last one counts, which the nearest proxy has added.
    #[doc(alias("istio", "XFCC"))]
    Envoy,
}

impl ClientCertHeader {
    /// Returns the name of the header.
    pub(super) fn name(self) -> &'static HeaderName {
        match self {
            Self::Rfc9440 => &CLIENT_CERT,
            Self::Envoy => &X_FORWARDED_CLIENT_CERT,
        }
    }

    /// Returns the headers that only the proxy may send.
    pub(super) fn all_names(self) -> &'static [&'static HeaderName] {
        match self {
            Self::Rfc9440 => &OF_RFC_9440,
            Self::Envoy => &OF_ENVOY,
        }
    }
}

// Statics, because each use of a constant would create and drop the name.
pub(super) static CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
static CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");
static X_FORWARDED_CLIENT_CERT: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

static OF_RFC_9440: [&HeaderName; 2] = [&CLIENT_CERT, &CLIENT_CERT_CHAIN];
static OF_ENVOY: [&HeaderName; 1] = [&X_FORWARDED_CLIENT_CERT];
/// Every header by which a client could claim to have a certificate.
pub(super) static HEADERS: [&HeaderName; 3] = [&CLIENT_CERT, &CLIENT_CERT_CHAIN, &X_FORWARDED_CLIENT_CERT];
