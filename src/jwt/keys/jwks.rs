//! `KeySet`: the usable keys of a JWK Set (RFC 7517), and the selection of keys for a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::jwt::algorithm::{Algorithm, KeyFamily};
use crate::jwt::keys::verifier::Verifier;
use crate::jwt::keys::weak::KeyError;
use crate::jwt::strict_json::{Object, array, string};

/// The keys of one issuer, each for one algorithm.
///
/// A key with two algorithms would let the sender of a token choose between them, which has led to forgeries (RS256 and
/// HS256 with the same bytes, CVE-2016-10555).
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    verifier: Verifier,
}

/// The result of parsing a JWK Set: the usable keys, and the keys that were skipped.
#[derive(Debug)]
pub(crate) struct ParsedKeySet {
    pub(crate) keys: KeySet,
    pub(crate) skipped: Vec<SkippedKey>,
}

/// A key of a JWK Set that is not used.
///
/// It is identified by its position in the set, not by its `kid`: the text of a `kid` is not this app's, so it does not
/// reach a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SkippedKey {
    pub(crate) index: usize,
    pub(crate) error: KeyError,
}

impl SkippedKey {
    pub(crate) fn log(&self, issuer: &str) {
        tracing::warn!(issuer, key = self.index, reason = %self.error, "skipped a key of the issuer's JWK Set");
    }
}

impl KeySet {
    /// Adds a key. The caller ensures that no other key has the same `kid` and algorithm.
    pub(crate) fn add(&mut self, kid: Option<String>, algorithm: Algorithm, verifier: Verifier) {
        self.keys.push(Key { kid, algorithm, verifier });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the keys that may have made a signature with this algorithm and `kid`.
    ///
    /// For a token with a `kid`, that is the key with this `kid` (RFC 7515 §4.1.4), or else the keys without one. For a
    /// token without a `kid`, any key qualifies. At most [`MAX_CANDIDATES`] are returned, so that a token costs a
    /// bounded number of signature checks.
    ///
    /// The algorithm must be that of the key, so a token cannot choose how its signature is verified.
    pub(crate) fn candidates(&self, algorithm: Algorithm, kid: Option<&str>) -> impl Iterator<Item = &Verifier> {
        let has_exact_match = kid.is_some_and(|kid| self.contains(algorithm, kid));
        let is_candidate = move |key: &&Key| {
            key.algorithm == algorithm
                && match (kid, &key.kid) {
                    (None, _) => true,
                    (Some(wanted), Some(kid)) => kid == wanted,
                    (Some(_), None) => !has_exact_match,
                }
        };
        self.keys.iter().filter(is_candidate).take(MAX_CANDIDATES).map(|key| &key.verifier)
    }

    /// Whether the set has a key with this `kid`, for any algorithm.
    pub(crate) fn contains_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    fn contains(&self, algorithm: Algorithm, kid: &str) -> bool {
        self.keys.iter().any(|key| key.algorithm == algorithm && key.kid.as_deref() == Some(kid))
    }

    /// Parses a JWK Set (RFC 7517 §5). Returns `None` if the text is not a JWK Set.
    ///
    /// `allowed` are the issuer's algorithms. A key without `alg` uses the first one of its family. A key that cannot
    /// be used is skipped, as RFC 7517 §5 recommends: issuers add keys of new types to sets that older clients read.
    pub(crate) fn parse(text: &str, allowed: &[Algorithm]) -> Option<ParsedKeySet> {
        let set = Object::parse(text)?;
        let jwks = array(set.get("keys")?)?;
        let mut parsed = ParsedKeySet { keys: Self::default(), skipped: Vec::new() };
        for (index, jwk) in jwks.into_iter().take(MAX_KEYS).enumerate() {
            match parsed.keys.parse_key(jwk.get(), allowed) {
                Ok(key) => parsed.keys.keys.push(key),
                Err(error) => parsed.skipped.push(SkippedKey { index, error }),
            }
        }
        Some(parsed)
    }

    /// Parses a JWK for this set. Of two keys with the same `kid` and algorithm, the first is used.
    ///
    /// # Errors
    ///
    /// Returns the reason why the key is not used.
    fn parse_key(&self, jwk: &str, allowed: &[Algorithm]) -> Result<Key, KeyError> {
        let jwk = Object::parse(jwk).ok_or(KeyError::Malformed)?;
        let key = Key::from_jwk(&jwk, allowed)?;
        let is_duplicate = key.kid.as_ref().is_some_and(|kid| self.contains(key.algorithm, kid));
        if is_duplicate { Err(KeyError::Duplicate) } else { Ok(key) }
    }
}

impl Key {
    /// Parses a public key for verification (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
    ///
    /// # Errors
    ///
    /// Returns the reason why the key is not used.
    fn from_jwk(jwk: &Object<'_>, allowed: &[Algorithm]) -> Result<Self, KeyError> {
        // A private or symmetric key that is published is compromised: anyone could have signed the token.
        if PRIVATE_MEMBERS.iter().any(|member| jwk.get(member).is_some()) {
            return Err(KeyError::Private);
        }
        let text = |name: &str| match jwk.get(name) {
            Some(value) => string(value).map(Some).ok_or(KeyError::Malformed),
            None => Ok(None),
        };
        // RFC 7517 §4.2, §4.3: both members are optional, and each that is present must permit verification.
        let has_signature_use = text("use")?.is_none_or(|usage| usage == "sig");
        if !has_signature_use || !permits_verification(jwk)? {
            return Err(KeyError::NotForSignatures);
        }
        let family = match (text("kty")?.as_deref(), text("crv")?.as_deref()) {
            (Some("RSA"), _) => KeyFamily::Rsa,
            (Some("EC"), Some("P-256")) => KeyFamily::P256,
            (Some("EC"), Some("P-384")) => KeyFamily::P384,
            (Some("OKP"), Some("Ed25519")) => KeyFamily::Ed25519,
            (Some("oct"), _) => return Err(KeyError::Private),
            _ => return Err(KeyError::WrongType),
        };
        // The issuer knows best which algorithm its key has. Without `alg`, the app's order decides, and never the
        // token.
        let algorithm = match text("alg")? {
            Some(alg) => Algorithm::from_name(&alg).filter(|algorithm| allowed.contains(algorithm)),
            None => allowed.iter().copied().find(|algorithm| algorithm.family() == family),
        };
        let algorithm = algorithm.ok_or(KeyError::Algorithm)?;
        if algorithm.family() != family {
            return Err(KeyError::WrongType);
        }
        let bytes = |name: &str| {
            let text = text(name)?.ok_or(KeyError::Malformed)?;
            URL_SAFE_NO_PAD.decode(&*text).map_err(|_| KeyError::Malformed)
        };
        let verifier = match family {
            KeyFamily::Ed25519 => Verifier::ed25519(&bytes("x")?)?,
            KeyFamily::Rsa => Verifier::rsa(algorithm, &bytes("n")?, &bytes("e")?)?,
            KeyFamily::P256 => Verifier::ec(algorithm, &uncompressed_point(&bytes("x")?, &bytes("y")?, 32)?)?,
            // `family` is never `Hmac`; `Verifier::ec` would reject it.
            KeyFamily::Hmac | KeyFamily::P384 => {
                Verifier::ec(algorithm, &uncompressed_point(&bytes("x")?, &bytes("y")?, 48)?)?
            }
        };
        Ok(Self { kid: text("kid")?.map(Into::into), algorithm, verifier })
    }
}

/// Whether `key_ops`, if present, includes `verify` (RFC 7517 §4.3).
fn permits_verification(jwk: &Object<'_>) -> Result<bool, KeyError> {
    let Some(value) = jwk.get("key_ops") else { return Ok(true) };
    let operations = array(value).ok_or(KeyError::Malformed)?;
    Ok(operations.iter().any(|operation| string(operation.get()).is_some_and(|name| name == "verify")))
}

/// Builds an uncompressed point (SEC 1 §2.3.3) from two coordinates of full length (RFC 7518 §6.2.1.2).
fn uncompressed_point(x: &[u8], y: &[u8], len: usize) -> Result<Vec<u8>, KeyError> {
    if x.len() != len || y.len() != len {
        return Err(KeyError::Malformed);
    }
    Ok([&[4], x, y].concat())
}

// Members that only private and symmetric keys have (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

// Issuers publish a handful of keys, twice as many during a rotation. Further keys are ignored.
const MAX_KEYS: usize = 64;

// A token without `kid` is checked with the keys of its algorithm: previous, current, next, and one to spare.
pub(crate) const MAX_CANDIDATES: usize = 4;

#[cfg(test)]
mod tests;
