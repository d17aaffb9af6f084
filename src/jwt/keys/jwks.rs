//! `KeySet`: the usable keys of a JWK Set (RFC 7517), and the selection of keys for a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::jwt::algorithm::{Algorithm, KeyFamily};
use crate::jwt::keys::verifier::Verifier;
use crate::jwt::keys::weak::KeyError;
use crate::jwt::strict_json::{Object, array, is_null, string};

/// The keys of one issuer, each for one algorithm.
///
/// A key with two algorithms would let the sender of a token choose between them, which has led to forgeries (RS256 and
/// HS256 with the same bytes, CVE-2016-10555).
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    /// In the order of the document.
    keys: Vec<Key>,
    /// The indices of the keys that have a `kid`, sorted by it. Anyone can send a token with an invented `kid`, so the
    /// search for one must be cheap in a large set too.
    by_kid: Vec<usize>,
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
    /// Logs each of these keys, except if there are very many.
    pub(crate) fn log_all(skipped: &[Self], issuer: &str) {
        for key in skipped.iter().take(MAX_LOGGED) {
            tracing::warn!(issuer, key = key.index, reason = %key.error, "skipped a key of the issuer's JWK Set");
        }
        if let Some(others @ 1..) = skipped.len().checked_sub(MAX_LOGGED) {
            tracing::warn!(issuer, others, "skipped other keys of the issuer's JWK Set");
        }
    }
}

impl KeySet {
    /// Adds a key without a `kid`.
    pub(crate) fn add(&mut self, algorithm: Algorithm, verifier: Verifier) {
        self.keys.push(Key { kid: None, algorithm, verifier });
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
        let named = self.with_kid(kid).filter(move |key| key.algorithm == algorithm);
        let has_named = named.clone().next().is_some();
        let is_named = kid.is_some();
        let is_other = move |key: &&Key| key.algorithm == algorithm && (!is_named || !has_named && key.kid.is_none());
        named.chain(self.keys.iter().filter(is_other)).take(MAX_CANDIDATES).map(|key| &key.verifier)
    }

    /// Whether the set has a key with this `kid`, for any algorithm.
    pub(crate) fn contains_kid(&self, kid: &str) -> bool {
        self.with_kid(Some(kid)).next().is_some()
    }

    /// Returns the keys with this `kid`, in the order of the document; none if it is `None`.
    fn with_kid(&self, kid: Option<&str>) -> impl Iterator<Item = &Key> + Clone + use<'_> {
        let first = self.by_kid.partition_point(|index| self.kid_at(*index) < kid);
        let end = self.by_kid.partition_point(|index| self.kid_at(*index) <= kid);
        // Without a `kid`, the range is empty: all keys in `by_kid` have one.
        let indices = self.by_kid.get(first..end).unwrap_or_default();
        indices.iter().filter_map(|index| self.keys.get(*index))
    }

    fn kid_at(&self, index: usize) -> Option<&str> {
        self.keys.get(index)?.kid.as_deref()
    }

    fn push(&mut self, key: Key) {
        if let Some(kid) = &key.kid {
            let position = self.by_kid.partition_point(|index| self.kid_at(*index) <= Some(kid));
            self.by_kid.insert(position, self.keys.len());
        }
        self.keys.push(key);
    }

    /// Parses a JWK Set (RFC 7517 §5). Returns `None` if the text is not a JWK Set.
    ///
    /// `allowed` are the issuer's algorithms. A key without `alg` uses the first one of its family. A key that cannot
    /// be used is skipped, as RFC 7517 §5 recommends: issuers add keys of new types to sets that older clients read.
    pub(crate) fn parse(text: &str, allowed: &[Algorithm]) -> Option<ParsedKeySet> {
        let set = Object::parse(text)?;
        let jwks = array(set.get("keys")?)?;
        let mut parsed = ParsedKeySet { keys: Self::default(), skipped: Vec::new() };
        if jwks.len() > MAX_KEYS {
            let error = KeyError::TooMany { count: jwks.len(), max: MAX_KEYS };
            parsed.skipped.push(SkippedKey { index: MAX_KEYS, error });
        }
        for (index, jwk) in jwks.iter().take(MAX_KEYS).enumerate() {
            match parsed.keys.parse_key(jwk.get(), allowed) {
                Ok(key) => parsed.keys.push(key),
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
        let is_duplicate = self.with_kid(key.kid.as_deref()).any(|other| other.algorithm == key.algorithm);
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
        if PRIVATE_MEMBERS.iter().any(|name| member(jwk, name).is_some()) {
            return Err(KeyError::Private);
        }
        let text = |name: &str| member(jwk, name).map(|value| string(value).ok_or(KeyError::Malformed)).transpose();
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

/// Builds an uncompressed point (SEC 1 §2.3.3) from two coordinates of full length (RFC 7518 §6.2.1.2).
fn uncompressed_point(x: &[u8], y: &[u8], len: usize) -> Result<Vec<u8>, KeyError> {
    if x.len() != len || y.len() != len {
        return Err(KeyError::Malformed);
    }
    Ok([&[4], x, y].concat())
}

// Members that only private and symmetric keys have (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

// Most issuers publish a handful of keys, and some one for each of their customers. A document of 256 KiB, the longest
// that is fetched, has at most about 600 RSA keys or 1,200 EC keys, so this bounds only sets of tiny or unusable keys:
// parsing a key takes up to 30 us. Further keys are not read, which is logged.
pub(crate) const MAX_KEYS: usize = 1_024;

// A set with hundreds of keys for encryption must not flood the log.
const MAX_LOGGED: usize = 16;

// A token without `kid` is checked with the keys of its algorithm: previous, current, next, and one to spare.
pub(crate) const MAX_CANDIDATES: usize = 4;

#[cfg(test)]
mod tests;
