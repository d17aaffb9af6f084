//! `PublicKey`: a public key from a SubjectPublicKeyInfo or a certificate (RFC 5280 §4.1), both in DER.

use crate::jwt::algorithm::{Algorithm, KeyFamily};
use crate::jwt::keys::der::{BIT_STRING, DerReader, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, context};
use crate::jwt::keys::verifier::Verifier;
use crate::jwt::keys::weak::KeyError;

/// A public key, which [`Verifier`] checks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// The numbers are big-endian.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8>, scheme: RsaScheme },
    /// A key of any other family: a point, or the bytes of an Ed25519 or ML-DSA key.
    Other { family: KeyFamily, bytes: Vec<u8> },
}

/// What an RSA key may be used for (RFC 4055 §1.2, §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RsaScheme {
    Any,
    /// RSASSA-PSS with any hash.
    Pss,
    /// RSASSA-PSS with the hash of this algorithm.
    PssWith(Algorithm),
}

impl PublicKey {
    /// Reads the key of a SubjectPublicKeyInfo.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError::Malformed`], or [`KeyError::WrongType`] for a type of key that no algorithm uses.
    pub(crate) fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let mut outer = DerReader::new(der);
        let spki = outer.enter(SEQUENCE).filter(|_| outer.is_empty());
        Self::read_spki(spki.ok_or(KeyError::Malformed)?)
    }

    /// Reads the key of a certificate.
    ///
    /// A certificate is a container of a key: its signature, validity, names and extensions are not checked. The key is
    /// trusted because of where the certificate comes from, as is a key without one.
    ///
    /// # Errors
    ///
    /// As for [`from_spki`](Self::from_spki).
    pub(crate) fn from_certificate(der: &[u8]) -> Result<Self, KeyError> {
        Self::read_spki(spki_of_certificate(der).ok_or(KeyError::Malformed)?)
    }

    /// Reads an RSA key from PKCS #1 (RFC 8017 §A.1.1).
    ///
    /// # Errors
    ///
    /// Returns [`KeyError::Malformed`].
    pub(crate) fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let (modulus, exponent) = rsa_numbers(der).ok_or(KeyError::Malformed)?;
        Ok(Self::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec(), scheme: RsaScheme::Any })
    }

    pub(crate) fn family(&self) -> KeyFamily {
        match self {
            Self::Rsa { .. } => KeyFamily::Rsa,
            Self::Other { family, .. } => *family,
        }
    }

    /// Whether the key may be used with this algorithm.
    pub(crate) fn permits(&self, algorithm: Algorithm) -> bool {
        let is_of_scheme = match self {
            Self::Rsa { scheme: RsaScheme::Pss, .. } => PSS_HASHES.iter().any(|(pss, ..)| *pss == algorithm),
            Self::Rsa { scheme: RsaScheme::PssWith(only), .. } => algorithm == *only,
            _ => true,
        };
        is_of_scheme && algorithm.family() == self.family()
    }

    /// Creates a verifier for this algorithm.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError`] if the key is weak or malformed, or may not be used with the algorithm.
    pub(crate) fn verifier(&self, algorithm: Algorithm) -> Result<Verifier, KeyError> {
        if !self.permits(algorithm) {
            return Err(KeyError::WrongType);
        }
        match self {
            Self::Rsa { modulus, exponent, .. } => Verifier::rsa(algorithm, modulus, exponent),
            Self::Other { bytes, .. } => Verifier::from_bytes(algorithm, bytes),
        }
    }

    /// Reads the content of a SubjectPublicKeyInfo.
    fn read_spki(mut spki: DerReader<'_>) -> Result<Self, KeyError> {
        let mut algorithm = spki.enter(SEQUENCE).ok_or(KeyError::Malformed)?;
        let bits = spki.read(BIT_STRING).ok_or(KeyError::Malformed)?;
        // The first octet is the number of unused bits in the last one.
        let bytes = bits.strip_prefix(&[0]).filter(|_| spki.is_empty()).ok_or(KeyError::Malformed)?;
        let family = match algorithm.read(OBJECT_IDENTIFIER).ok_or(KeyError::Malformed)? {
            oid::RSA => return Self::from_pkcs1(bytes),
            oid::RSA_PSS => return Self::from_pkcs1(bytes)?.restricted_to_pss(algorithm),
            oid::EC => curve(algorithm.read(OBJECT_IDENTIFIER)).ok_or(KeyError::WrongType)?,
            oid::ED25519 => KeyFamily::Ed25519,
            oid::ML_DSA_44 => KeyFamily::MlDsa44,
            oid::ML_DSA_65 => KeyFamily::MlDsa65,
            oid::ML_DSA_87 => KeyFamily::MlDsa87,
            _ => return Err(KeyError::WrongType),
        };
        Ok(Self::Other { family, bytes: bytes.to_vec() })
    }

    /// Restricts an RSA key by the parameters of RSASSA-PSS, which may be absent.
    fn restricted_to_pss(mut self, parameters: DerReader<'_>) -> Result<Self, KeyError> {
        if let Self::Rsa { scheme, .. } = &mut self {
            *scheme = if parameters.is_empty() {
                RsaScheme::Pss
            } else {
                RsaScheme::PssWith(pss_algorithm(parameters).ok_or(KeyError::WrongType)?)
            };
        }
        Ok(self)
    }
}

/// Finds the SubjectPublicKeyInfo of a certificate (RFC 5280 §4.1).
fn spki_of_certificate(der: &[u8]) -> Option<DerReader<'_>> {
    let mut outer = DerReader::new(der);
    let mut certificate = outer.enter(SEQUENCE).filter(|_| outer.is_empty())?;
    let mut fields = certificate.enter(SEQUENCE)?;
    // A certificate of version 1 has no version.
    let _version = fields.read(context(0));
    let _serial_number = fields.read(INTEGER)?;
    let _signature_algorithm = fields.read(SEQUENCE)?;
    let _issuer = fields.read(SEQUENCE)?;
    let _validity = fields.read(SEQUENCE)?;
    let _subject = fields.read(SEQUENCE)?;
    fields.enter(SEQUENCE)
}

/// Returns the modulus and the exponent of an RSAPublicKey (RFC 8017 §A.1.1).
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = DerReader::new(der);
    let mut numbers = outer.enter(SEQUENCE).filter(|_| outer.is_empty())?;
    let (modulus, exponent) = (numbers.read(INTEGER)?, numbers.read(INTEGER)?);
    let is_positive = |number: &[u8]| number.first().is_some_and(|octet| *octet < 0x80);
    (is_positive(modulus) && is_positive(exponent) && numbers.is_empty()).then_some((modulus, exponent))
}

/// Returns the family of a named curve (RFC 5480 §2.1.1).
fn curve(identifier: Option<&[u8]>) -> Option<KeyFamily> {
    match identifier? {
        oid::P_256 => Some(KeyFamily::P256),
        oid::P_384 => Some(KeyFamily::P384),
        oid::P_521 => Some(KeyFamily::P521),
        oid::SECP256K1 => Some(KeyFamily::Secp256k1),
        _ => None,
    }
}

/// Returns the only algorithm that fits the parameters of an RSASSA-PSS key (RFC 4055 §3.1): MGF1 with the same hash,
/// and a salt of the hash's length (RFC 7518 §3.5), for which the parameters give the minimum.
fn pss_algorithm(mut parameters: DerReader<'_>) -> Option<Algorithm> {
    let mut parameters = parameters.enter(SEQUENCE)?;
    // Without a hash, it is SHA-1, which no algorithm uses.
    let hash = parameters.enter(context(0))?.enter(SEQUENCE)?.read(OBJECT_IDENTIFIER)?;
    let mut mask = parameters.enter(context(1))?.enter(SEQUENCE)?;
    let mask_function = mask.read(OBJECT_IDENTIFIER)?;
    let mask_hash = mask.enter(SEQUENCE)?.read(OBJECT_IDENTIFIER)?;
    let salt_len = match parameters.enter(context(2)) {
        Some(mut field) => match field.read(INTEGER)? {
            [len] => *len,
            _ => return None,
        },
        None => DEFAULT_SALT_LEN,
    };
    let (algorithm, _, hash_len) = PSS_HASHES.into_iter().find(|(_, identifier, _)| *identifier == hash)?;
    (mask_function == oid::MGF1 && mask_hash == hash && salt_len <= hash_len).then_some(algorithm)
}

const DEFAULT_SALT_LEN: u8 = 20;

// The algorithms of RSASSA-PSS, with the identifier and length of their hash.
const PSS_HASHES: [(Algorithm, &[u8], u8); 3] =
    [(Algorithm::Ps256, oid::SHA_256, 32), (Algorithm::Ps384, oid::SHA_384, 48), (Algorithm::Ps512, oid::SHA_512, 64)];

/// The contents of object identifiers in DER.
mod oid {
    // RFC 8017 §C.
    pub(super) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    pub(super) const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
    pub(super) const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
    // RFC 5480 §2.1.1.
    pub(super) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    pub(super) const P_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    pub(super) const P_384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
    pub(super) const P_521: &[u8] = &[0x2b, 0x81, 4, 0, 35];
    // SEC 2 §A.2.
    pub(super) const SECP256K1: &[u8] = &[0x2b, 0x81, 4, 0, 10];
    // RFC 8410 §3.
    pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
    // RFC 9881 §2.
    pub(super) const ML_DSA_44: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 17];
    pub(super) const ML_DSA_65: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 18];
    pub(super) const ML_DSA_87: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 19];
    // RFC 4055 §2.1.
    pub(super) const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    pub(super) const SHA_384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
    pub(super) const SHA_512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];
}

#[cfg(test)]
mod tests;
