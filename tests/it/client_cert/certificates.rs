//! Certificates of a test's own authority.

use std::time::Duration;

use portcullis::context::PeerCertificate;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, IsCa, KeyPair,
    SanType, date_time_ymd,
};
use sha2::{Digest, Sha256};

/// 2026-01-01T00:00:00Z. The certificates are valid for one year.
pub(super) const VALID_FROM: Duration = Duration::from_secs(1_767_225_600);
pub(super) const VALID_UNTIL: Duration = Duration::from_secs(1_798_761_600);

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

pub(super) struct Certificate {
    pub(super) certificate: rcgen::Certificate,
    pub(super) key: KeyPair,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn der(&self) -> &[u8] {
        self.0.der()
    }

    /// Issues a certificate with these alternative names.
    pub(super) fn issue(&self, names: impl IntoIterator<Item = SanType>) -> Certificate {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.into_iter().collect();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Acme, Inc.");
        params.distinguished_name.push(DnType::CommonName, "backup");
        params.serial_number = Some(vec![1, 2, 3].into());
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        let key = KeyPair::generate().unwrap();
        Certificate { certificate: params.signed_by(&key, &self.0).unwrap(), key }
    }

    /// Issues a certificate with this URI that is valid at any time.
    pub(super) fn valid_now(&self, mut params: CertificateParams, uri: &str) -> Certificate {
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        let key = KeyPair::generate().unwrap();
        Certificate { certificate: params.signed_by(&key, &self.0).unwrap(), key }
    }

    /// Issues a certificate with this URI.
    pub(super) fn with_uri(&self, uri: &str) -> Certificate {
        self.issue([SanType::URI(uri.try_into().unwrap())])
    }
}

/// Returns a certificate with this URI that has this number of bytes.
pub(super) fn certificate_of_len(uri: &str, len: usize) -> Vec<u8> {
    // Of a signature by Ed25519, the length is always the same.
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let issue = |padding: usize| {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999], vec![0; padding])];
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        params.serial_number = Some(vec![1, 2, 3].into());
        params.self_signed(&key).unwrap().der().to_vec()
    };
    let padding = len / 2 + len - issue(len / 2).len();
    let der = issue(padding);
    // Longer lengths have more octets in DER.
    issue(padding + len - der.len())
}

impl Certificate {
    pub(super) fn der(&self) -> &[u8] {
        self.certificate.der()
    }

    pub(super) fn sha256(&self) -> String {
        Sha256::digest(self.der()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[test]
fn the_names_serial_digest_and_validity_of_a_certificate_are_read() {
    let text = |text: &str| text.try_into().unwrap();
    let certificate = Authority::new().issue([
        SanType::URI(text("spiffe://acme.example/backup")),
        SanType::DnsName(text("a.acme.example")),
        SanType::DnsName(text("b.acme.example")),
        SanType::Rfc822Name(text("ops@acme.example")),
        SanType::IpAddress([192, 0, 2, 1].into()),
    ]);
    let parsed = PeerCertificate::from_der(certificate.der()).unwrap();
    assert_eq!(parsed.uri(), Some("spiffe://acme.example/backup"));
    assert_eq!(
        (parsed.dns_name(), Vec::from_iter(parsed.dns_names())),
        (None, vec!["a.acme.example", "b.acme.example"])
    );
    assert_eq!((parsed.email(), parsed.emails().count()), (Some("ops@acme.example"), 1));
    assert_eq!(parsed.subject(), r"CN=backup,O=Acme\, Inc.");
    assert_eq!(parsed.serial(), Some(&[1, 2, 3][..]));
    assert_eq!(parsed.sha256()[..], Sha256::digest(certificate.der())[..]);
    assert_eq!(parsed.not_before(), Some(std::time::UNIX_EPOCH + VALID_FROM));
    assert_eq!(parsed.not_after(), Some(std::time::UNIX_EPOCH + VALID_UNTIL));
    assert_eq!(parsed.der(), Some(certificate.der()));
}

#[test]
fn a_certificate_with_bytes_after_it_or_a_control_character_in_a_name_is_invalid() {
    let authority = Authority::new();
    let certificate = authority.with_uri("spiffe://acme.example/backup");
    let der = certificate.der();
    assert!(PeerCertificate::from_der(&[der, &[0]].concat()).is_err());
    for len in 0..der.len() {
        assert!(PeerCertificate::from_der(&der[..len]).is_err(), "{len}");
    }
    let null = authority.with_uri("spiffe://acme.example/admin\0.evil.example");
    assert!(PeerCertificate::from_der(null.der()).is_err());
}
