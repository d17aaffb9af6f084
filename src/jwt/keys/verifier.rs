//! `Verifier`: one key, parsed once, for one algorithm. The only room that names aws-lc-rs.
//!
//! jsonwebtoken's verifiers parse the public key anew for every signature; a `ParsedPublicKey` does it once.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaPublicKeyComponents, VerificationAlgorithm,
};
use aws_lc_rs::{hmac, rsa};

use crate::jwt::algorithm::Algorithm;
use crate::jwt::keys::ed25519;
use crate::jwt::keys::weak::{self, KeyError};

/// A key that verifies signatures of one algorithm.
pub(crate) struct Verifier(Kind);

enum Kind {
    Ed25519(ParsedPublicKey),
    Hmac(Box<hmac::Key>),
    Other(ParsedPublicKey),
}

impl Verifier {
    /// A shared secret of at least the hash's length (RFC 7518 §3.2).
    pub(crate) fn hmac(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let (hash, least) = match algorithm {
            Algorithm::Hs256 => (hmac::HMAC_SHA256, 32),
            Algorithm::Hs384 => (hmac::HMAC_SHA384, 48),
            Algorithm::Hs512 => (hmac::HMAC_SHA512, 64),
            _ => return Err(KeyError::Kind),
        };
        // What is in a PEM is public, or a key of another kind: whoever has it would sign (CVE-2016-10555).
        if secret.trim_ascii_start().starts_with(b"-----BEGIN ") {
            return Err(KeyError::Kind);
        }
        if secret.len() < least {
            return Err(KeyError::ShortSecret { least });
        }
        Ok(Self(Kind::Hmac(Box::new(hmac::Key::new(hash, secret)))))
    }

    /// An RSA key of modulus and exponent, big-endian.
    pub(crate) fn rsa(algorithm: Algorithm, modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let scheme: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
            Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
            Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
            _ => return Err(KeyError::Kind),
        };
        weak::check_rsa(modulus, exponent)?;
        let components = RsaPublicKeyComponents { n: modulus, e: exponent };
        let der: PublicKeyX509Der<'_> = components.as_der().map_err(|_| KeyError::Malformed)?;
        parsed(scheme, der.as_ref()).map(|key| Self(Kind::Other(key)))
    }

    /// An RSA key as PKCS #1 DER.
    pub(crate) fn rsa_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let key = rsa::PublicKey::from_der(der).map_err(|_| KeyError::Malformed)?;
        let components = RsaPublicKeyComponents::<Vec<u8>>::from(&key);
        Self::rsa(algorithm, &components.n, &components.e)
    }

    /// An EC key as an uncompressed point (SEC 1 §2.3.3), which must lie on the algorithm's curve.
    pub(crate) fn ec(algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyError> {
        let scheme: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
            Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
            _ => return Err(KeyError::Kind),
        };
        parsed(scheme, point).map(|key| Self(Kind::Other(key)))
    }

    /// An Ed25519 key of 32 bytes.
    pub(crate) fn ed25519(key: &[u8]) -> Result<Self, KeyError> {
        let bytes: &[u8; 32] = key.try_into().map_err(|_| KeyError::Malformed)?;
        if !ed25519::is_key(bytes) {
            return Err(KeyError::Point);
        }
        parsed(&ED25519, key).map(|key| Self(Kind::Ed25519(key)))
    }

    /// Whether this is the key's signature over the message.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            // RFC 8032 leaves small-order points open; as dalek's verify_strict, R of small order is refused.
            Kind::Ed25519(key) => {
                let point = signature.first_chunk();
                point.is_some_and(|point| !ed25519::is_small_order(point)) && key.verify_sig(message, signature).is_ok()
            }
            Kind::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
            Kind::Other(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

fn parsed(scheme: &'static dyn VerificationAlgorithm, key: &[u8]) -> Result<ParsedPublicKey, KeyError> {
    ParsedPublicKey::new(scheme, key).map_err(|_| KeyError::Malformed)
}
