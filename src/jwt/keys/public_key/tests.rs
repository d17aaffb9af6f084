//! Certificates and public keys in DER, from an RFC and OpenSSL, and broken ones.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::jwt::algorithm::PUBLIC_KEY_ALGORITHMS;

fn certificate(base64: &str) -> PublicKey {
    PublicKey::from_certificate(&STANDARD.decode(base64).unwrap()).unwrap()
}

fn spki(base64: &str) -> Result<PublicKey, KeyError> {
    PublicKey::from_spki(&STANDARD.decode(base64).unwrap())
}

/// A DER value of less than 128 bytes.
fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    [&[tag, u8::try_from(content.len()).unwrap()], content.as_slice()].concat()
}

/// A certificate with this version field and SubjectPublicKeyInfo; its other fields are empty.
fn certificate_of(version: &[u8], spki: &[u8]) -> Vec<u8> {
    let empty = der(SEQUENCE, &[]);
    let fields = der(SEQUENCE, &[version, &der(INTEGER, &[&[1]]), &empty, &empty, &empty, &empty, spki]);
    der(SEQUENCE, &[&fields, &empty, &der(BIT_STRING, &[&[0]])])
}

fn ed25519_spki(unused_bits: u8) -> Vec<u8> {
    let algorithm = der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[oid::ED25519])]);
    der(SEQUENCE, &[&algorithm, &der(BIT_STRING, &[&[unused_bits], &[7; 32]])])
}

// RFC 7517 §4.7: the key in the certificate is that of the other members.
#[test]
fn the_key_of_rfc_7517_is_in_its_certificate() {
    let PublicKey::Rsa { modulus, exponent, scheme } = certificate(RFC_7517) else { panic!("an RSA key") };
    assert_eq!(modulus.strip_prefix(&[0]), Some(URL_SAFE_NO_PAD.decode(RFC_7517_N).unwrap().as_slice()));
    assert_eq!((exponent.as_slice(), scheme), (&[1, 0, 1][..], RsaScheme::Any));
    assert!(certificate(RFC_7517).verifier(Algorithm::Rs256).is_ok());
    assert!(certificate(RFC_7517).verifier(Algorithm::Ps512).is_ok());
}

#[test]
fn the_key_of_a_certificate_is_for_the_algorithms_of_its_type() {
    for (text, algorithm) in [
        (P_256, Algorithm::Es256),
        (P_521, Algorithm::Es512),
        (SECP256K1, Algorithm::Es256k),
        (ED25519, Algorithm::EdDsa),
    ] {
        let key = certificate(text);
        assert!(key.verifier(algorithm).is_ok(), "{algorithm:?}");
        let others = PUBLIC_KEY_ALGORITHMS.into_iter().filter(|other| *other != algorithm);
        for other in others {
            assert_eq!(key.verifier(other).err(), Some(KeyError::WrongType), "{algorithm:?} {other:?}");
        }
    }
}

#[test]
fn a_certificate_of_version_1_has_no_version() {
    for version in [&[][..], &der(context(0), &[&der(INTEGER, &[&[2]])])] {
        let key = PublicKey::from_certificate(&certificate_of(version, &ed25519_spki(0))).unwrap();
        assert_eq!(key, PublicKey::Other { family: KeyFamily::Ed25519, bytes: vec![7; 32] });
    }
}

#[test]
fn a_bit_string_consists_of_whole_octets() {
    assert_eq!(PublicKey::from_spki(&ed25519_spki(1)), Err(KeyError::Malformed));
    assert!(PublicKey::from_spki(&ed25519_spki(0)).is_ok());
}

// RFC 4055 §1.2, §3.1.
#[test]
fn a_key_for_rsassa_pss_is_used_with_nothing_else() {
    let permitted = |text: &str| {
        let key = spki(text).unwrap();
        PUBLIC_KEY_ALGORITHMS.into_iter().filter(|algorithm| key.verifier(*algorithm).is_ok()).collect::<Vec<_>>()
    };
    assert_eq!(permitted(PSS), [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512]);
    assert_eq!(permitted(PSS_SHA_256), [Algorithm::Ps256]);
    assert_eq!(spki(PSS_SHA_1), Err(KeyError::WrongType));
}

#[test]
fn the_parameters_of_rsassa_pss_fit_the_algorithm() {
    let hash = |identifier: &[u8]| der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[identifier])]);
    let parameters = |digest: &[u8], function: &[u8], mask: &[u8], salt: &[u8]| {
        let mask = der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[function]), &hash(mask)]);
        der(SEQUENCE, &[&der(context(0), &[&hash(digest)]), &der(context(1), &[&mask]), salt])
    };
    let salt = |len: &[u8]| der(context(2), &[&der(INTEGER, &[len])]);
    let algorithm = |parameters: Vec<u8>| pss_algorithm(DerReader::new(&parameters));
    let (sha_256, sha_384, sha_512, mgf1) = (oid::SHA_256, oid::SHA_384, oid::SHA_512, oid::MGF1);
    for (digest, len, expected) in
        [(sha_256, 32, Algorithm::Ps256), (sha_384, 48, Algorithm::Ps384), (sha_512, 64, Algorithm::Ps512)]
    {
        assert_eq!(algorithm(parameters(digest, mgf1, digest, &salt(&[len]))), Some(expected));
        assert_eq!(algorithm(parameters(digest, mgf1, digest, &[])), Some(expected), "a minimum of 20");
        assert_eq!(algorithm(parameters(digest, mgf1, digest, &salt(&[len + 1]))), None, "a longer salt");
    }
    assert_eq!(algorithm(parameters(sha_256, mgf1, sha_512, &[])), None, "another hash in the mask");
    assert_eq!(algorithm(parameters(sha_256, oid::RSA, sha_256, &[])), None, "another mask");
    assert_eq!(algorithm(parameters(sha_256, mgf1, sha_256, &salt(&[0, 32]))), None, "a long integer");
    assert_eq!(algorithm(der(SEQUENCE, &[])), None, "SHA-1");
}

#[test]
fn a_key_of_an_unknown_type_or_curve_is_not_used() {
    // X25519 and brainpoolP256r1.
    let with_algorithm = |algorithm: &[u8]| der(SEQUENCE, &[algorithm, &der(BIT_STRING, &[&[0], &[7; 32]])]);
    let x25519 = der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[&[0x2b, 0x65, 0x6e]])]);
    let brainpool = der(OBJECT_IDENTIFIER, &[&[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7]]);
    let brainpool = der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[oid::EC]), &brainpool]);
    let no_curve = der(SEQUENCE, &[&der(OBJECT_IDENTIFIER, &[oid::EC])]);
    for algorithm in [x25519, brainpool, no_curve] {
        assert_eq!(PublicKey::from_spki(&with_algorithm(&algorithm)), Err(KeyError::WrongType), "{algorithm:x?}");
    }
}

#[test]
fn a_number_of_pkcs_1_is_positive_and_nothing_follows() {
    let numbers = |modulus: &[u8], exponent: &[u8], rest: &[u8]| {
        der(SEQUENCE, &[&der(INTEGER, &[modulus]), &der(INTEGER, &[exponent]), rest])
    };
    assert!(PublicKey::from_pkcs1(&numbers(&[0, 0x80], &[3], &[])).is_ok());
    for broken in [numbers(&[0x80], &[3], &[]), numbers(&[1], &[], &[]), numbers(&[1], &[3], &[5, 0]), Vec::new()] {
        assert_eq!(PublicKey::from_pkcs1(&broken), Err(KeyError::Malformed), "{broken:x?}");
    }
}

#[test]
fn a_cut_or_longer_certificate_is_malformed() {
    for text in [RFC_7517, P_256, ED25519] {
        let der = STANDARD.decode(text).unwrap();
        for end in 0..der.len() {
            assert_eq!(PublicKey::from_certificate(&der[..end]), Err(KeyError::Malformed), "{end}");
        }
        assert_eq!(PublicKey::from_certificate(&[&der[..], &[0]].concat()), Err(KeyError::Malformed));
        assert_eq!(PublicKey::from_spki(&der), Err(KeyError::Malformed), "a certificate is not a public key");
    }
    let der = STANDARD.decode(PSS).unwrap();
    assert_eq!(PublicKey::from_certificate(&der), Err(KeyError::Malformed), "a public key is not a certificate");
    assert_eq!(PublicKey::from_spki(&[&der[..], &[0]].concat()), Err(KeyError::Malformed));
}

proptest! {
    #[test]
    fn no_change_of_a_certificate_panics(index in 0..376_usize, octet: u8) {
        let mut der = STANDARD.decode(P_256).unwrap();
        der[index] = octet;
        if let Ok(key) = PublicKey::from_certificate(&der) {
            let _ = key.verifier(Algorithm::Es256);
        }
    }

    #[test]
    fn no_bytes_panic(der in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = (PublicKey::from_spki(&der), PublicKey::from_certificate(&der), PublicKey::from_pkcs1(&der));
    }
}

/// The certificate of RFC 7517, appendix B.
const RFC_7517: &str = "MIIDQjCCAiqgAwIBAgIGATz/FuLiMA0GCSqGSIb3DQEBBQUAMGIxCzAJBgNVBAYTAlVTMQswCQYDVQQIEwJDTzEPMA0GA1UEBxMGRGVu\
    dmVyMRwwGgYDVQQKExNQaW5nIElkZW50aXR5IENvcnAuMRcwFQYDVQQDEw5CcmlhbiBDYW1wYmVsbDAeFw0xMzAyMjEyMzI5MTVaFw0x\
    ODA4MTQyMjI5MTVaMGIxCzAJBgNVBAYTAlVTMQswCQYDVQQIEwJDTzEPMA0GA1UEBxMGRGVudmVyMRwwGgYDVQQKExNQaW5nIElkZW50\
    aXR5IENvcnAuMRcwFQYDVQQDEw5CcmlhbiBDYW1wYmVsbDCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAL64zn8/QnHYMeZ0\
    LncoXaEde1fiLm1jHjmQsF/449IYALM9if6amFtPDy2yvz3YlRij66s5gyLCyO7ANuVRJx1NbgizcAblIgjtdf/u3WG7K+IiZhtELto/\
    A7Fck9Ws6SQvzRvOE8uSirYbgmj6He4iO8NCyvaK0jIQRMMGQwsU1quGmFgHIXPLfnpnfajr1rVTAwtgV5LEZ4Iel+W1GC8ugMhyr4/p\
    1MtcIM42EA8BzE6ZQqC7VPqPvEjZ2dbZkaBhPbiZAS3YeYBRDWm1p1OZtWamT3cEvqqPpnjL1XyW+oyVVkaZdklLQp2Btgt9qr21m42f\
    4wTw+Xrp6rCKNb0CAwEAATANBgkqhkiG9w0BAQUFAAOCAQEAh8zGlfSlcI0o3rYDPBB07aXNswb4ECNIKG0CETTUxmXl9KUL+9gGlqCz\
    5iWLOgWsnrcKcY0vXPG9J1r9AqBNTqNgHq2G03X09266X5CpOe1zFo+Owb1zxtp3PehFdfQJ610CDLEaS9V9Rqp17hCyybEpOGVwe8fn\
    k+fbEL2Bo3UPGrpsHzUoaGpDftmWssZkhpBJKVMJyf/RuP2SmmaIzmnw9JiSlYhzo4tpzd5rFXhjRbg4zW9C+2qok+2+qDM1iJ684gPH\
    MIY8aLWrdgQTxkumGmTqgawR+N5MDtdPTEQ0XfIBc2cJEUyMTY5MPvACWpkA6SdS4xSvdXK3IVfOWA==";

/// The modulus of the same JWK.
const RFC_7517_N: &str = "vrjOfz9Ccdgx5nQudyhdoR17V-IubWMeOZCwX_jj0hgAsz2J_pqYW08PLbK_PdiVGKPrqzmDIsLI7sA25VEnHU1uCLNwBuUiCO11_-\
    7dYbsr4iJmG0Qu2j8DsVyT1azpJC_NG84Ty5KKthuCaPod7iI7w0LK9orSMhBEwwZDCxTWq4aYWAchc8t-\
    emd9qOvWtVMDC2BXksRngh6X5bUYLy6AyHKvj-nUy1wgzjYQDwHMTplCoLtU-o-8SNnZ1tmRoGE9uJkBLdh5gFENabWnU5m1ZqZPdwS-\
    qo-meMvVfJb6jJVWRpl2SUtCnYG2C32qvbWbjZ_jBPD5eunqsIo1vQ";

/// A certificate of OpenSSL with a key on P-256.
const P_256: &str = "MIIBdDCCARmgAwIBAgIUTHzqynA8YkvDLCKIlYsZnKeigUMwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEcDI1NjAeFw0yNjExMzAwODA0\
    NDFaFw0zNjExMjcwODA0NDFaMA8xDTALBgNVBAMMBHAyNTYwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATSBoTh75XYmtwZwWP+agd9\
    57oA7VBo/jZRyYNuWoKkAwBEQIxg38ink6lMRUp4rcrLWPRzQvJRym8sn29kd8Vwo1MwUTAdBgNVHQ4EFgQUItHI64LprPQBYoqaXx5J\
    5VSHtPMwHwYDVR0jBBgwFoAUItHI64LprPQBYoqaXx5J5VSHtPMwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA743V\
    EYjk1bd1VF86w3VSvCfQNbZteyRaL0jj3IXldMYCIQDb1Yr0uhuerLC2AGVYj+6l/LD38II6NNNLgYhj6KCeeQ==";

/// The same with P-521.
const P_521: &str = "MIIB+jCCAVygAwIBAgIUQ+C+AnyoWbgdvUFRxLNPphq4HocwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEcDUyMTAeFw0yNjExMzAwODA0\
    NDFaFw0zNjExMjcwODA0NDFaMA8xDTALBgNVBAMMBHA1MjEwgZswEAYHKoZIzj0CAQYFK4EEACMDgYYABAHZludw/BhV78B4E4a5/KUG\
    riBCRZmk8INKGxe6O3z4PuOgxSYdQKCXddjDt9ziunmtbRJdANIBSxddjh5nsJACYwEIKMMoROrOEBL14/9NWNdcKFCt1lHnwNKMABDM\
    4R5WAbLF1YfUsWrakyWvyth8kPit0pVXp8XP28Wc9lCL1SE/Y6NTMFEwHQYDVR0OBBYEFPoe8wRkjxU6CsiX3U4I2R8fVr6YMB8GA1Ud\
    IwQYMBaAFPoe8wRkjxU6CsiX3U4I2R8fVr6YMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDgYsAMIGHAkE8q0P0HIgMnEcQprQv\
    U4Ys7oxvfKgvOlsvL35I3FuaiUp9+ig1i5uHf/guFkuARcHcOlxH0oSsYyWUsOzWrG+RtwJCAPjxAS+zJj6RcDthgKDRmAH4QjGWuXDh\
    eWoMcdENgX+MZEErGysmmS+HLQLLtflbP0X8rkX7Q19ONnIXIjJtFICH";

/// The same with secp256k1.
const SECP256K1: &str = "MIIBbTCCARKgAwIBAgIUQuhLgPD0h0Dx9/X04iAKCDM3syswCgYIKoZIzj0EAwIwDTELMAkGA1UEAwwCazEwHhcNMjYxMTMwMDgwNDQx\
    WhcNMzYxMTI3MDgwNDQxWjANMQswCQYDVQQDDAJrMTBWMBAGByqGSM49AgEGBSuBBAAKA0IABO0qqxcv0aMSP+fmAwAh/apbpBSq7jH0\
    Y47loepG1DCNCYlX3dseuIC0YJY4v0Zs5vGCvvdSNS94lEBZmFlZxZCjUzBRMB0GA1UdDgQWBBSsyCWotEpCMEgaD6v3lyCBP7SDNjAf\
    BgNVHSMEGDAWgBSsyCWotEpCMEgaD6v3lyCBP7SDNjAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCZ8aGNbX0TtiHe\
    Wn99hqOf/0JxNWdCGI3F/346FZbDNwIhAMvrJcGc1ukPT1b1vkc5Gjq3awXC7kK0F/CHheKz9A2x";

/// The same with Ed25519.
const ED25519: &str = "MIIBLjCB4aADAgECAhRbuWjKAn8MJgkCb1IaXrZVyVYe6zAFBgMrZXAwDTELMAkGA1UEAwwCZWQwHhcNMjYxMTMwMDgwNDQxWhcNMzYx\
    MTI3MDgwNDQxWjANMQswCQYDVQQDDAJlZDAqMAUGAytlcAMhAF4LNgEGH3P5HnWc2/KmZHQjflrwEMa8eQ9nuwT7J0rho1MwUTAdBgNV\
    HQ4EFgQUgaKmCHVLWeQAGVa4GDE+osvxtGQwHwYDVR0jBBgwFoAUgaKmCHVLWeQAGVa4GDE+osvxtGQwDwYDVR0TAQH/BAUwAwEB/zAF\
    BgMrZXADQQB5qcWLKkYafBFiCcEJZhDCTCrbbwlBYiLq3qUxQ60uIev/t6OU1o8CmbToFkb4Kmdq6xqtbLWhULCSzXLDoJMG";

/// A public key of OpenSSL that is restricted to RSASSA-PSS.
const PSS: &str = "MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBANqzhYtzGJDkqxbxC/dMpVudisHXASo+dYFKoFY851cN6Wh3Qsz8DmlJxAyHAav/\
    2L/hOLLbRhdLVXKMVF+JsHhaTCCOAs4jc0+YJm/cQqOnIDn8W3caosmFc5U3XgZnx1+bZXqR0kIS6XgWQNT0aEYIjIUjbDUkQlFxPJbv\
    GqfY482tt3k2fm2FqIB5G4l7Xy5gn8aEYAU9aBCjTc7Jc01hvwwnqy3fMVXenNhk5v7R3RfK6vqHgV/QpSFzAsKIYIGAw8kOXC0ls4F/\
    FiZo/seZkBfXCBquenMo+1/N7VjXsqycEBtclXjIXufsiuq5w7+VURWalH3id8J7li0RWkECAwEAAQ==";

/// The same, with SHA-256 and a salt of 32 bytes.
const PSS_SHA_256: &str = "MIIBVjBBBgkqhkiG9w0BAQowNKAPMA0GCWCGSAFlAwQCAQUAoRwwGgYJKoZIhvcNAQEIMA0GCWCGSAFlAwQCAQUAogMCASADggEPADCC\
    AQoCggEBAM3LFFP8Pff/Obg9UOHcQhP6JpRgCRmQ4uVcY9ICgEjTKBprQiSc5gS1iCKux8dUzW9sXHgwmXu63W6kpq7XXyakxZ2pm6zP\
    585uoc7Zg8rOprMEd8tC2qxzYBGx85BATQ9clT4h3dnYdNsfEU/DotAYo6eSvOW5B+jf+Dzt+1xLUG+JOA0Y+YtjutqlyPrpMPaAX+EX\
    KsWpF8r83M+DyWJY4Lopg+qTQNuHt1+fQK3aqBbJrrX8bmQc2/ioHJT0mAnj/qYEjEoHlW1bw/zwhxu9EQW7PI39ldhNT8noFg+tb8RW\
    N0pJl7mBdGTUx5aPIKlhUIgLDNDkXA+B4WLBgPsCAwEAAQ==";

/// The same, with SHA-1.
const PSS_SHA_1: &str = "MIIBIjANBgkqhkiG9w0BAQowAAOCAQ8AMIIBCgKCAQEA3sgP1RXSFnDuolTgIkSYIV5GXCJylE/5/X0Aze8fcyZlijAUIFBpKDkAzzFp\
    mvHS+zCjvUp7AMo9JwJsWZTNqPMtd7lv7Pspjo7hCDeTUWLeeZ4CUxMro63jJf0MNi84QB7+4G45kuyLgZlQiXAS7FsYdBbTSltbjbcu\
    S2UstopIaQ/QyGWPl8vFysSU+TjAEfTayK8chUcvPOiC3YHewaG1jyarOsYx67OYrmgVFFvazuNJs4O8y7YFwYFrM7cHu+L0vEDqJH9l\
    mM7AHOdSEES1Uo7Vxs2MVM9ZIBXxuhq5S+f9TPtWJMvCzPIBNe4km7FYn6oAwZtZGah1Td6glwIDAQAB";
