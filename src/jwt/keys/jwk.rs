//! `Key`: a usable public key of an issuer, and its parsing from a JWK (RFC 7517 §4) or a PEM text.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::jwt::algorithm::{Algorithm, KeyFamily};
use crate::jwt::keys::pem;
use crate::jwt::keys::public_key::{PublicKey, RsaScheme};
use crate::jwt::keys::verifier::Verifier;
use crate::jwt::keys::weak::KeyError;
use crate::strict_json::{Object, array, is_null, string};

/// A key for one algorithm.
///
/// A key with two algorithms would let the sender of a token choose between them, which has led to forgeries (RS256 and
/// HS256 with the same bytes, CVE-2016-10555).
#[derive(Debug)]
pub(crate) struct Key {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    /// The member `issuer`, which keys of Entra ID have; empty if it is not a string.
    pub(crate) issuer: Option<String>,
    pub(crate) verifier: Verifier,
}

/// Which published keys of an issuer are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFilter {
    /// The issuer's algorithms. A key without `alg` uses the first one that its type permits.
    pub(crate) algorithms: Vec<Algorithm>,
    /// The `use` of the keys, if they have one (RFC 7517 §4.2).
    pub(crate) key_use: String,
}

impl KeyFilter {
    /// The filter for keys with these algorithms whose `use` is that of signatures.
    pub(crate) fn new(algorithms: impl Into<Vec<Algorithm>>) -> Self {
        Self { algorithms: algorithms.into(), key_use: "sig".to_owned() }
    }
}

impl Key {
    /// Parses a public key for verification (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2, RFC 9964 §3).
    ///
    /// # Errors
    ///
    /// Returns the reason why the key is not used.
    pub(super) fn from_jwk(jwk: &Object<'_>, filter: &KeyFilter) -> Result<Self, KeyError> {
        // A private or symmetric key that is published is compromised: anyone could have signed the token.
        if PRIVATE_MEMBERS.iter().any(|name| member(jwk, name).is_some()) {
            return Err(KeyError::Private);
        }
        let text = |name: &str| member(jwk, name).map(|value| string(value).ok_or(KeyError::Malformed)).transpose();
        // RFC 7517 §4.2, §4.3: both members are optional, and each that is present must permit verification.
        let has_signature_use = text("use")?.is_none_or(|usage| usage == filter.key_use);
        if !has_signature_use || !permits_verification(jwk)? {
            return Err(KeyError::NotForSignatures);
        }
        let (kty, crv) = (text("kty")?, text("crv")?);
        if kty.as_deref() == Some("oct") {
            return Err(KeyError::Private);
        }
        let named = text("alg")?.map(|alg| Algorithm::from_name(&alg).ok_or(KeyError::Algorithm)).transpose()?;
        let key = match certificate(jwk)? {
            Some(der) => {
                let key = PublicKey::from_certificate(&der)?;
                if !is_of_type(&key, kty.as_deref(), crv.as_deref()) {
                    return Err(KeyError::WrongType);
                }
                key
            }
            None => read_members(jwk, family(kty.as_deref(), crv.as_deref(), named)?)?,
        };
        let kid = text("kid")?.map(Into::into);
        let issuer = member(jwk, "issuer").map(|issuer| string(issuer).unwrap_or_default().into_owned());
        Ok(Self { issuer, ..Self::new(kid, &key, named, filter)? })
    }

    /// Parses a PEM text of a certificate or public key, as in a map of certificates by `kid`.
    ///
    /// # Errors
    ///
    /// Returns the reason why the key is not used.
    pub(super) fn from_pem(kid: &str, text: &str, filter: &KeyFilter) -> Result<Self, KeyError> {
        Self::new(Some(kid.to_owned()), &pem::public_key(text)?, None, filter)
    }

    /// Selects the algorithm of a key, which `named` if its JWK has an `alg`.
    ///
    /// The issuer knows best which algorithm its key has. Without `alg`, the app's order decides, and never the token.
    fn new(
        kid: Option<String>,
        key: &PublicKey,
        named: Option<Algorithm>,
        filter: &KeyFilter,
    ) -> Result<Self, KeyError> {
        let mut allowed = filter.algorithms.iter().copied();
        let algorithm = match named {
            Some(named) => allowed.find(|algorithm| *algorithm == named),
            None => allowed.find(|algorithm| key.permits(*algorithm)),
        };
        let algorithm = algorithm.ok_or(KeyError::Algorithm)?;
        Ok(Self { kid, algorithm, issuer: None, verifier: key.verifier(algorithm)? })
    }
}

/// Returns the value of a member. One that is null counts as absent: some issuers write every member of their key type,
/// and null for those that a key does not have.
fn member<'a>(jwk: &Object<'a>, name: &str) -> Option<&'a str> {
    jwk.get(name).filter(|value| !is_null(value))
}

/// Whether `key_ops`, if present, includes `verify` (RFC 7517 §4.3).
fn permits_verification(jwk: &Object<'_>) -> Result<bool, KeyError> {
    let Some(value) = member(jwk, "key_ops") else { return Ok(true) };
    let operations = array(value).ok_or(KeyError::Malformed)?;
    Ok(operations.iter().any(|operation| string(operation.get()).is_some_and(|name| name == "verify")))
}

/// Returns the first certificate of `x5c` (RFC 7517 §4.7), in DER, if the JWK has no key members.
///
/// With key members, `x5c` is ignored: the certificate is not needed, and has the same source.
fn certificate(jwk: &Object<'_>) -> Result<Option<Vec<u8>>, KeyError> {
    let has_key = KEY_MEMBERS.iter().any(|name| member(jwk, name).is_some());
    let Some(chain) = member(jwk, "x5c").filter(|_| !has_key) else { return Ok(None) };
    let chain = array(chain).ok_or(KeyError::Malformed)?;
    let first = chain.first().and_then(|certificate| string(certificate.get())).ok_or(KeyError::Malformed)?;
    // Base64, not base64url.
    STANDARD.decode(&*first).map(Some).map_err(|_| KeyError::Malformed)
}

/// Returns the family of a JWK's key.
fn family(kty: Option<&str>, crv: Option<&str>, alg: Option<Algorithm>) -> Result<KeyFamily, KeyError> {
    match (kty, crv) {
        // RFC 9964 §3: `alg` is required, since nothing else names the parameter set.
        (Some("AKP"), _) => match alg.map(Algorithm::family) {
            Some(family) if family.is_ml_dsa() => Ok(family),
            Some(_) => Err(KeyError::WrongType),
            None => Err(KeyError::Malformed),
        },
        (Some("EC"), Some("P-256")) => Ok(KeyFamily::P256),
        (Some("EC"), Some("P-384")) => Ok(KeyFamily::P384),
        (Some("EC"), Some("P-521")) => Ok(KeyFamily::P521),
        (Some("EC"), Some("secp256k1")) => Ok(KeyFamily::Secp256k1),
        (Some("OKP"), Some("Ed25519")) => Ok(KeyFamily::Ed25519),
        (Some("RSA"), _) => Ok(KeyFamily::Rsa),
        _ => Err(KeyError::WrongType),
    }
}

/// Reads the key members of a JWK of this family.
fn read_members(jwk: &Object<'_>, family: KeyFamily) -> Result<PublicKey, KeyError> {
    let bytes = |name: &str| {
        let text = member(jwk, name).and_then(string).ok_or(KeyError::Malformed)?;
        URL_SAFE_NO_PAD.decode(&*text).map_err(|_| KeyError::Malformed)
    };
    let point = |len: usize| uncompressed_point(&bytes("x")?, &bytes("y")?, len);
    let bytes = match family {
        KeyFamily::Rsa => {
            return Ok(PublicKey::Rsa { modulus: bytes("n")?, exponent: bytes("e")?, scheme: RsaScheme::Any });
        }
        KeyFamily::Ed25519 => bytes("x")?,
        KeyFamily::MlDsa44 | KeyFamily::MlDsa65 | KeyFamily::MlDsa87 => bytes("pub")?,
        KeyFamily::P256 | KeyFamily::Secp256k1 => point(32)?,
        KeyFamily::P384 => point(48)?,
        KeyFamily::P521 => point(66)?,
        KeyFamily::Hmac => return Err(KeyError::Private),
    };
    Ok(PublicKey::Other { family, bytes })
}

/// Builds an uncompressed point (SEC 1 §2.3.3) from two coordinates of full length (RFC 7518 §6.2.1.2).
fn uncompressed_point(x: &[u8], y: &[u8], len: usize) -> Result<Vec<u8>, KeyError> {
    if x.len() != len || y.len() != len {
        return Err(KeyError::Malformed);
    }
    Ok([&[4], x, y].concat())
}

/// Whether the key of a certificate has the type that the JWK names. `kty` is required (RFC 7517 §4.1), but a
/// certificate names the type as well.
fn is_of_type(key: &PublicKey, kty: Option<&str>, crv: Option<&str>) -> bool {
    let (expected_kty, expected_crv) = match key.family() {
        KeyFamily::Ed25519 => ("OKP", "Ed25519"),
        KeyFamily::Hmac => ("oct", ""),
        KeyFamily::MlDsa44 | KeyFamily::MlDsa65 | KeyFamily::MlDsa87 => ("AKP", ""),
        KeyFamily::P256 => ("EC", "P-256"),
        KeyFamily::P384 => ("EC", "P-384"),
        KeyFamily::P521 => ("EC", "P-521"),
        KeyFamily::Rsa => ("RSA", ""),
        KeyFamily::Secp256k1 => ("EC", "secp256k1"),
    };
    kty.is_none_or(|kty| kty == expected_kty) && crv.is_none_or(|crv| crv == expected_crv)
}

// Members that only private and symmetric keys have (RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 9964 §3, and the name of the
// seed in its drafts).
pub(super) const PRIVATE_MEMBERS: [&str; 10] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv", "seed"];

// Members with a public key, or a part of one.
const KEY_MEMBERS: [&str; 5] = ["n", "e", "x", "y", "pub"];

#[cfg(test)]
mod tests;
