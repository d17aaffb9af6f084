//! `Verifier`: one key for one algorithm, parsed once. The only file that uses aws-lc-rs.
//!
//! A `ParsedPublicKey` is parsed once, not for every signature.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256K1_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    ML_DSA_44, ML_DSA_65, ML_DSA_87, ParsedPublicKey, PqdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaPublicKeyComponents, VerificationAlgorithm,
};

use crate::jwt::algorithm::Algorithm;
use crate::jwt::keys::ed25519;
use crate::jwt::keys::weak::{self, KeyError};

/// A key that verifies signatures of one algorithm.
pub(crate) struct Verifier(VerifierKey);

/// Three kinds instead of one, because HMAC keys are not public keys, and Ed25519 signatures need a check of their own.
enum VerifierKey {
    Ed25519(ParsedPublicKey),
    Hmac(Box<hmac::Key>),
    /// An RSA, EC or ML-DSA key.
    Other(ParsedPublicKey),
}

impl Verifier {
    /// Creates a verifier from a shared secret, which must be at least as long as the hash (RFC 7518 §3.2).
    ///
    /// # Errors
    ///
    /// Returns [`KeyError`] if the secret is too short, or is a PEM, or the algorithm is not HMAC.
    pub(crate) fn hmac(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let (hash, min_len) = match algorithm {
            Algorithm::Hs256 => (hmac::HMAC_SHA256, 32),
            Algorithm::Hs384 => (hmac::HMAC_SHA384, 48),
            Algorithm::Hs512 => (hmac::HMAC_SHA512, 64),
            _ => return Err(KeyError::WrongType),
        };
        // A public key is not a secret: everyone who has it could sign tokens (CVE-2016-10555).
        if secret.trim_ascii_start().starts_with(b"-----BEGIN ") {
            return Err(KeyError::WrongType);
        }
        if secret.len() < min_len {
            return Err(KeyError::ShortSecret { min_len });
        }
        Ok(Self(VerifierKey::Hmac(Box::new(hmac::Key::new(hash, secret)))))
    }

    /// Creates a verifier from an RSA modulus and exponent, both big-endian.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError`] if the key is weak or malformed, or the algorithm is not RSA.
    pub(crate) fn rsa(algorithm: Algorithm, modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let scheme: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
            Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
            Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
            _ => return Err(KeyError::WrongType),
        };
        // RFC 7518 §6.3.1.1: some issuers write the leading zero octet of a signed integer. aws-lc rejects it.
        let (modulus, exponent) = (weak::without_leading_zeros(modulus), weak::without_leading_zeros(exponent));
        weak::check_rsa(modulus, exponent)?;
        let components = RsaPublicKeyComponents { n: modulus, e: exponent };
        let der: PublicKeyX509Der<'_> = components.as_der().map_err(|_| KeyError::Malformed)?;
        parse_key(scheme, der.as_ref()).map(|key| Self(VerifierKey::Other(key)))
    }

    /// Creates a verifier from the bytes of an EC, Ed25519 or ML-DSA key.
    ///
    /// For ECDSA, that is an uncompressed or compressed point (SEC 1 §2.3.3), for the others the key as it is.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError`] if the bytes are not a key for the algorithm, or the algorithm is of another type.
    pub(crate) fn from_bytes(algorithm: Algorithm, key: &[u8]) -> Result<Self, KeyError> {
        let scheme: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::EdDsa => return Self::ed25519(key),
            // `FIXED`: a JWS signature is R and S of full length (RFC 7518 §3.4), not the ASN.1 form of TLS.
            Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
            Algorithm::Es256k => &ECDSA_P256K1_SHA256_FIXED,
            Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
            Algorithm::Es512 => &ECDSA_P521_SHA512_FIXED,
            Algorithm::MlDsa44 => ml_dsa(&ML_DSA_44, 1_312, key)?,
            Algorithm::MlDsa65 => ml_dsa(&ML_DSA_65, 1_952, key)?,
            Algorithm::MlDsa87 => ml_dsa(&ML_DSA_87, 2_592, key)?,
            _ => return Err(KeyError::WrongType),
        };
        parse_key(scheme, key).map(|key| Self(VerifierKey::Other(key)))
    }

    fn ed25519(key: &[u8]) -> Result<Self, KeyError> {
        let bytes: &[u8; 32] = key.try_into().map_err(|_| KeyError::Malformed)?;
        if !ed25519::is_valid_key(bytes) {
            return Err(KeyError::InvalidPoint);
        }
        parse_key(&ED25519, key).map(|key| Self(VerifierKey::Ed25519(key)))
    }

    /// Whether `signature` is this key's signature of `message`.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            // RFC 8032 permits a point R of small order, but no correct signer creates one. Reject it, as dalek's
            // `verify_strict` does.
            VerifierKey::Ed25519(key) => {
                let r = signature.first_chunk();
                r.is_some_and(|r| !ed25519::is_small_order(r)) && key.verify_sig(message, signature).is_ok()
            }
            // Compares in constant time, so that the time does not reveal how many bytes of a forged tag are right.
            VerifierKey::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
            VerifierKey::Other(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

/// Shows no part of the key.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

/// Returns the scheme if the key has the length of its parameter set (FIPS 204 §4). aws-lc would accept other
/// encodings.
fn ml_dsa(
    scheme: &'static PqdsaVerificationAlgorithm,
    len: usize,
    key: &[u8],
) -> Result<&'static dyn VerificationAlgorithm, KeyError> {
    if key.len() == len { Ok(scheme) } else { Err(KeyError::Malformed) }
}

/// Parses a public key. aws-lc checks that an EC point is on its curve.
fn parse_key(scheme: &'static dyn VerificationAlgorithm, key: &[u8]) -> Result<ParsedPublicKey, KeyError> {
    ParsedPublicKey::new(scheme, key).map_err(|_| KeyError::Malformed)
}
