//! JWK Sets (RFC 7517): the keys an issuer publishes, and which of them are used.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::jwt::algorithm::{Algorithm, KeyFamily};
use crate::jwt::keys::verifier::Verifier;
use crate::jwt::keys::weak::KeyError;
use crate::jwt::strict_json::{Object, array, string};

/// The keys of one issuer, each for one algorithm.
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

/// What was read of a JWK Set, and which of its keys were left out.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) keys: KeySet,
    pub(crate) skipped: Vec<SkippedKey>,
}

/// A key that was left out, by its place in the set: its `kid` is the issuer's to choose, and not for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SkippedKey {
    pub(crate) place: usize,
    pub(crate) fault: KeyError,
}

impl SkippedKey {
    pub(crate) fn log(&self, issuer: &str) {
        tracing::warn!(issuer, key = self.place, reason = %self.fault, "a published key is not used");
    }
}

impl KeySet {
    pub(crate) fn add(&mut self, kid: Option<String>, algorithm: Algorithm, verifier: Verifier) {
        self.keys.push(Key { kid, algorithm, verifier });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that may have made a signature of this algorithm under this `kid`.
    ///
    /// With a `kid`: the key of that name, else those without one. Without: any, but no more than a few, so that one
    /// token costs a bounded number of signature checks.
    pub(crate) fn candidates(&self, algorithm: Algorithm, kid: Option<&str>) -> impl Iterator<Item = &Verifier> {
        let is_named = kid.is_some_and(|kid| self.names(algorithm, kid));
        let fits = move |key: &&Key| {
            key.algorithm == algorithm
                && match (kid, &key.kid) {
                    (None, _) => true,
                    (Some(kid), Some(own)) => own == kid,
                    (Some(_), None) => !is_named,
                }
        };
        self.keys.iter().filter(fits).take(MAX_CANDIDATES).map(|key| &key.verifier)
    }

    /// Whether a key of this name is there, whatever its algorithm.
    pub(crate) fn knows(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// Whether a key of this name and algorithm is there.
    fn names(&self, algorithm: Algorithm, kid: &str) -> bool {
        self.keys.iter().any(|key| key.algorithm == algorithm && key.kid.as_deref() == Some(kid))
    }

    /// Reads a JWK Set. `allowed` are the issuer's algorithms, the first of a family being that of a key which names
    /// none.
    ///
    /// `None` where the text is no JWK Set at all.
    pub(crate) fn parse(text: &str, allowed: &[Algorithm]) -> Option<Parsed> {
        let set = Object::parse(text)?;
        let mut parsed = Parsed { keys: Self::default(), skipped: Vec::new() };
        for (place, jwk) in array(set.get("keys")?)?.into_iter().take(MAX_KEYS).enumerate() {
            let read = Object::parse(jwk.get()).ok_or(KeyError::Malformed).and_then(|jwk| Key::read(&jwk, allowed));
            let fault = match read {
                Ok(key) if parsed.keys.has_rival(&key) => KeyError::Repeated,
                Ok(key) => {
                    parsed.keys.keys.push(key);
                    continue;
                }
                Err(fault) => fault,
            };
            parsed.skipped.push(SkippedKey { place, fault });
        }
        Some(parsed)
    }

    /// Whether a key of the same name and algorithm is there already: the first counts.
    fn has_rival(&self, key: &Key) -> bool {
        key.kid.as_ref().is_some_and(|kid| self.names(key.algorithm, kid))
    }
}

impl Key {
    fn read(jwk: &Object<'_>, allowed: &[Algorithm]) -> Result<Self, KeyError> {
        // RFC 7518 §6: members of private and symmetric keys. Who publishes one has lost it.
        if PRIVATE.iter().any(|member| jwk.get(member).is_some()) {
            return Err(KeyError::Private);
        }
        let text = |name: &str| match jwk.get(name) {
            Some(value) => string(value).map(Some).ok_or(KeyError::Malformed),
            None => Ok(None),
        };
        let for_signatures = text("use")?.is_none_or(|usage| usage == "sig");
        if !for_signatures || !may_verify(jwk)? {
            return Err(KeyError::Use);
        }
        let family = match (text("kty")?.as_deref(), text("crv")?.as_deref()) {
            (Some("RSA"), _) => KeyFamily::Rsa,
            (Some("EC"), Some("P-256")) => KeyFamily::P256,
            (Some("EC"), Some("P-384")) => KeyFamily::P384,
            (Some("OKP"), Some("Ed25519")) => KeyFamily::Ed25519,
            (Some("oct"), _) => return Err(KeyError::Private),
            _ => return Err(KeyError::Kind),
        };
        let algorithm = match text("alg")? {
            Some(alg) => Algorithm::from_name(&alg).filter(|algorithm| allowed.contains(algorithm)),
            None => allowed.iter().copied().find(|algorithm| algorithm.family() == family),
        };
        let algorithm = algorithm.ok_or(KeyError::Algorithm)?;
        if algorithm.family() != family {
            return Err(KeyError::Kind);
        }
        let bytes = |name: &str| {
            let text = text(name)?.ok_or(KeyError::Malformed)?;
            URL_SAFE_NO_PAD.decode(&*text).map_err(|_| KeyError::Malformed)
        };
        let verifier = match family {
            KeyFamily::Ed25519 => Verifier::ed25519(&bytes("x")?)?,
            KeyFamily::Rsa => Verifier::rsa(algorithm, &bytes("n")?, &bytes("e")?)?,
            KeyFamily::P256 => Verifier::ec(algorithm, &point(&bytes("x")?, &bytes("y")?, 32)?)?,
            KeyFamily::Hmac | KeyFamily::P384 => Verifier::ec(algorithm, &point(&bytes("x")?, &bytes("y")?, 48)?)?,
        };
        Ok(Self { kid: text("kid")?.map(Into::into), algorithm, verifier })
    }
}

/// RFC 7517 §4.3: where `key_ops` is there, it has to name `verify`.
fn may_verify(jwk: &Object<'_>) -> Result<bool, KeyError> {
    let Some(value) = jwk.get("key_ops") else { return Ok(true) };
    let operations = array(value).ok_or(KeyError::Malformed)?;
    Ok(operations.iter().any(|operation| string(operation.get()).is_some_and(|name| name == "verify")))
}

/// An uncompressed point (SEC 1 §2.3.3) of two coordinates of full length (RFC 7518 §6.2.1.2).
fn point(x: &[u8], y: &[u8], len: usize) -> Result<Vec<u8>, KeyError> {
    if x.len() != len || y.len() != len {
        return Err(KeyError::Malformed);
    }
    Ok([&[4], x, y].concat())
}

const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
// Issuers publish a handful, at a rotation twice that.
const MAX_KEYS: usize = 64;
// A token without `kid` is tried on the keys of its algorithm: the current one, the next and the last, and one to spare.
pub(crate) const MAX_CANDIDATES: usize = 4;

#[cfg(test)]
mod tests;
