//! `PeerCertificate`: the TLS certificate of a client, and what it says about its owner.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The TLS certificate of a client, parsed.
///
/// A server that accepts client certificates puts it into the extensions of each request, and
/// [`ClientCertAuth`](crate::ClientCertAuth) reads it from there. It is cheap to clone, so parse it once for each
/// connection:
///
/// ```
/// use axum::{Extension, Router};
/// use portcullis::context::PeerCertificate;
///
/// /// For the certificate from `ServerConnection::peer_certificates` of
/// /// rustls, which has verified it.
/// fn service(app: Router, der: &[u8]) -> Router {
///     match PeerCertificate::from_der(der) {
///         Ok(certificate) => app.layer(Extension(certificate)),
///         Err(_) => app,
///     }
/// }
/// # let _ = service;
/// ```
///
/// It is verified by the TLS layer or the proxy, not by this type.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerCertificate(Arc<CertificateFields>);

/// What is known of a certificate.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct CertificateFields {
    pub(crate) der: Option<Box<[u8]>>,
    pub(crate) sha256: [u8; 32],
    pub(crate) subject: String,
    pub(crate) serial: Option<Box<[u8]>>,
    pub(crate) uris: Vec<String>,
    pub(crate) dns_names: Vec<String>,
    pub(crate) emails: Vec<String>,
    /// The first and the last second in which it is valid, since 1970.
    pub(crate) validity: Option<(Duration, Duration)>,
}

impl PeerCertificate {
    /// Parses a certificate in DER (RFC 5280 §4.1).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCertificate`] if it is malformed, if bytes follow it, or if an alternative name of its subject
    /// has control characters.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidCertificate> {
        let certificate = Certificate::from_der(der).map_err(|_| InvalidCertificate(()))?;
        let certificate = certificate.tbs_certificate();
        let validity = certificate.validity();
        let mut fields = CertificateFields {
            der: Some(der.into()),
            sha256: sha256(der),
            subject: certificate.subject().to_string(),
            serial: Some(certificate.serial_number().as_bytes().into()),
            validity: Some((validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration())),
            ..CertificateFields::default()
        };
        let names = certificate.get_extension::<SubjectAltName>().map_err(|_| InvalidCertificate(()))?;
        for name in names.into_iter().flat_map(|(_, SubjectAltName(names))| names) {
            let (list, text) = match &name {
                GeneralName::UniformResourceIdentifier(uri) => (&mut fields.uris, uri.as_str()),
                GeneralName::DnsName(name) => (&mut fields.dns_names, name.as_str()),
                GeneralName::Rfc822Name(email) => (&mut fields.emails, email.as_str()),
                _ => continue,
            };
            // A name with a null byte is cut by programs in C, and so is another name for them.
            if text.contains(char::is_control) {
                return Err(InvalidCertificate(()));
            }
            list.push(text.to_owned());
        }
        Ok(Self::from_fields(fields))
    }

    pub(crate) fn from_fields(fields: CertificateFields) -> Self {
        Self(Arc::new(fields))
    }

    /// Returns the URI of the owner, such as a SPIFFE ID, among the alternative names of the subject.
    ///
    /// `None` if there is none, or if there are several: then none of them alone identifies the owner. See
    /// [`uris`](Self::uris).
    #[must_use]
    #[doc(alias("san", "spiffe"))]
    pub fn uri(&self) -> Option<&str> {
        only(&self.0.uris)
    }

    /// Returns all URIs among the alternative names of the subject (RFC 5280 §4.2.1.6).
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        self.0.uris.iter().map(String::as_str)
    }

    /// Returns the DNS name of the owner; `None` if there is none, or if there are several.
    #[must_use]
    pub fn dns_name(&self) -> Option<&str> {
        only(&self.0.dns_names)
    }

    /// Returns all DNS names among the alternative names of the subject.
    pub fn dns_names(&self) -> impl Iterator<Item = &str> {
        self.0.dns_names.iter().map(String::as_str)
    }

    /// Returns the email address of the owner; `None` if there is none, or if there are several.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        only(&self.0.emails)
    }

    /// Returns all email addresses among the alternative names of the subject. A proxy that forwards single fields
    /// forwards none.
    pub fn emails(&self) -> impl Iterator<Item = &str> {
        self.0.emails.iter().map(String::as_str)
    }

    /// Returns the distinguished name of the subject as text (RFC 4514), for example `CN=backup,O=Acme`.
    ///
    /// A proxy that forwards single fields determines the format. Identify the owner by an alternative name if the
    /// certificate has one: names of subjects are not unique, and their text has several forms.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Returns the serial number, which is unique at the authority that issued the certificate. `None` if the proxy does
    /// not forward it.
    #[must_use]
    pub fn serial(&self) -> Option<&[u8]> {
        self.0.serial.as_deref()
    }

    /// Returns the SHA-256 digest of the certificate in DER, as in the claim `x5t#S256` of certificate-bound tokens (RFC
    /// 8705 §3.1).
    #[must_use]
    #[doc(alias("fingerprint", "thumbprint", "x5t#S256"))]
    pub fn sha256(&self) -> &[u8; 32] {
        &self.0.sha256
    }

    /// Returns the time from which the certificate is valid; `None` if the proxy does not forward it.
    #[must_use]
    pub fn not_before(&self) -> Option<SystemTime> {
        self.0.validity.and_then(|(from, _)| UNIX_EPOCH.checked_add(from))
    }

    /// Returns the time until which the certificate is valid; `None` if the proxy does not forward it.
    #[must_use]
    pub fn not_after(&self) -> Option<SystemTime> {
        self.0.validity.and_then(|(_, until)| UNIX_EPOCH.checked_add(until))
    }

    /// Returns the whole certificate in DER; `None` if the proxy forwards only single fields.
    #[must_use]
    pub fn der(&self) -> Option<&[u8]> {
        self.0.der.as_deref()
    }

    /// Whether it is valid at this time, since 1970. Its last second is part of its validity.
    pub(crate) fn is_valid_at(&self, now: Duration) -> bool {
        self.0.validity.is_none_or(|(from, until)| from <= now && now.as_secs() <= until.as_secs())
    }
}

/// Returns the only item.
fn only(names: &[String]) -> Option<&str> {
    match names {
        [name] => Some(name),
        _ => None,
    }
}

fn sha256(der: &[u8]) -> [u8; 32] {
    // The digest has this length.
    digest(&SHA256, der).as_ref().first_chunk().copied().unwrap_or_default()
}

/// Shows the names, but not the whole certificate.
impl fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerCertificate")
            .field("subject", &self.0.subject)
            .field("uris", &self.0.uris)
            .field("dns_names", &self.0.dns_names)
            .finish_non_exhaustive()
    }
}

/// A certificate that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCertificate(());

impl fmt::Display for InvalidCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate is malformed")
    }
}

impl Error for InvalidCertificate {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn several_names_of_one_kind_identify_no_owner() {
        let with = |uris: &[&str]| {
            let uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
            PeerCertificate::from_fields(CertificateFields { uris, ..CertificateFields::default() })
        };
        assert_eq!(with(&[]).uri(), None);
        assert_eq!(with(&["spiffe://a/b"]).uri(), Some("spiffe://a/b"));
        let both = with(&["spiffe://a/b", "spiffe://a/c"]);
        assert_eq!((both.uri(), both.uris().count()), (None, 2));
    }

    #[test]
    fn a_certificate_is_valid_until_the_end_of_its_last_second() {
        let validity = Some((Duration::from_secs(5), Duration::from_secs(9)));
        let certificate = PeerCertificate::from_fields(CertificateFields { validity, ..CertificateFields::default() });
        for (millis, is_valid) in [(4_999, false), (5_000, true), (9_000, true), (9_999, true), (10_000, false)] {
            assert_eq!(certificate.is_valid_at(Duration::from_millis(millis)), is_valid, "{millis}");
        }
        assert!(!certificate.is_valid_at(Duration::MAX), "a clock before 1970");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(der in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(PeerCertificate::from_der(&der).is_err());
        }
    }
}
