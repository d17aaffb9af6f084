//! The value of `Client-Cert` (RFC 9440 §2.2): a byte sequence of structured fields (RFC 9651 §3.3.5) with the
//! certificate in DER.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::context::PeerCertificate;

/// Parses the value. `None` if it is not exactly one byte sequence with one certificate of at most 16 KiB.
///
/// A list or a parameter, which the RFC forbids, has characters that base64 does not have.
pub(crate) fn parse(value: &[u8]) -> Option<PeerCertificate> {
    let text = value.trim_ascii().strip_prefix(b":")?.strip_suffix(b":")?;
    if text.len() > MAX_DER.div_ceil(3) * 4 {
        return None;
    }
    let der = BASE64.decode(text).ok().filter(|der| der.len() <= MAX_DER)?;
    PeerCertificate::from_der(&der).ok()
}

/// The longest certificate in bytes. Those of public authorities have some 2 KiB.
pub(super) const MAX_DER: usize = 16 * 1024;

/// RFC 9651 §4.2.7: parsers should accept a byte sequence without padding.
const BASE64: GeneralPurpose = {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, config)
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of RFC 9440 §2.2 and of RFC 9421 §B.3.
    const EXAMPLE: &str = "\
        :MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVy\
        bWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0D\
        AQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYD\
        VR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIw\
        HQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCO\
        OB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:";

    #[test]
    fn the_example_of_the_rfc_is_parsed() {
        let certificate = parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!((certificate.subject(), certificate.serial()), ("CN=BC", Some(&[7][..])));
        assert_eq!(
            (certificate.email(), certificate.uri(), certificate.dns_name()),
            (Some("bdc@example.com"), None, None)
        );
        let inner = EXAMPLE.trim_matches([':', '=']);
        assert_eq!(parse(format!(" :{inner}: ").as_bytes()), Some(certificate), "padding is optional");
    }

    #[test]
    fn anything_but_one_byte_sequence_is_none() {
        let inner = EXAMPLE.trim_matches(':');
        for value in [
            "".to_owned(),
            ":".to_owned(),
            "::".to_owned(),
            inner.to_owned(),
            format!(":{inner}"),
            format!("{EXAMPLE};a=1"),
            format!("{EXAMPLE}, {EXAMPLE}"),
            format!("({EXAMPLE})"),
            format!("\"{inner}\""),
            format!(":{inner}AAAA:"),
            format!(":{}:", "A".repeat(22_000)),
            format!(":{}:", &inner[..inner.len() - 8]),
        ] {
            assert_eq!(parse(value.as_bytes()), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(parse(&value), None);
        }
    }
}
